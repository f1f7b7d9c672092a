"""Where there is no Claude Code: sends what it sends for `claude -p PROMPT`, and prints what the API answers."""

import gzip
import json
import os
import ssl
import sys
import urllib.request

body = json.dumps({
    "model": "claude-sonnet", "max_tokens": 4096, "stream": True, "system": [{"type": "text", "text": "You are an agent. " * 800}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": sys.argv[2]}]}],
}).encode()  # fmt: skip
request = urllib.request.Request(
    os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages?beta=true", gzip.compress(body),
    {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "content-type": "application/json", "content-encoding": "gzip", "anthropic-version": "2023-06-01", "accept": "application/json"},
)  # fmt: skip
context = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
with urllib.request.urlopen(request, context=context) as answer:
    for line in answer:
        if line.startswith(b"data:"):
            event = json.loads(line[5:])
            if event["type"] == "content_block_delta":
                print(event["delta"]["text"])
