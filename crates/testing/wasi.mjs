// Runs a test program that was compiled for WASI: `node --no-warnings crates/testing/wasi.mjs PROGRAM [ARGUMENTS]`. It may read the folder it is run in, and nothing else.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const wasi = new WASI({ version: 'preview1', args: process.argv.slice(2), env: process.env, preopens: { '.': '.' } });
const wasm = await WebAssembly.compile(await readFile(process.argv[2]));
const instance = await WebAssembly.instantiate(wasm, wasi.getImportObject());
process.exit(wasi.start(instance));
