//! The carriers: what a wrapped value stands in.

/// A carrier, by the name under which it is printed.
pub struct Carrier {
    /// What it is called in the table.
    pub name: &'static str,
    /// What stands before and behind.
    around: [&'static str; 2],
}

impl Carrier {
    /// The carrier with `content` in it.
    pub fn carry(&self, content: &[u8]) -> Vec<u8> {
        [self.around[0].as_bytes(), content, self.around[1].as_bytes()].concat()
    }

    /// Where content begins in it.
    pub fn at(&self) -> usize {
        self.around[0].len()
    }
}

/// All carriers.
pub const CARRIERS: [Carrier; 7] = [
    Carrier {
        name: "JSON body",
        around: [
            "{\"model\": \"m-1\", \"messages\": [{\"role\": \"user\", \"content\": \"",
            "\"}], \"stream\": true}",
        ],
    },
    Carrier {
        name: "multipart",
        around: [
            "--b5fe0d\r\nContent-Disposition: form-data; name=\"file\"; filename=\"notes.txt\"\r\nContent-Type: application/octet-stream\r\n\r\n",
            "\r\n--b5fe0d--\r\n",
        ],
    },
    Carrier { name: "URL query", around: ["https://example.com/collect?id=17&q=", "&lang=en"] },
    Carrier {
        name: "header",
        around: ["Accept: */*\r\nX-Request-Context: ", "\r\nHost: example.com\r\n\r\n"],
    },
    Carrier {
        name: "diff",
        around: [
            "diff --git a/config.py b/config.py\n--- a/config.py\n+++ b/config.py\n@@ -1,2 +1,3 @@\n import os\n+VALUE = \"",
            "\"\n print(VALUE)\n",
        ],
    },
    Carrier { name: ".env", around: ["DEBUG=1\nVALUE=", "\nPORT=8080\n"] },
    Carrier {
        name: "source",
        around: ["export const settings = {\n  name: 'demo',\n  value: '", "',\n};\n"],
    },
];
