//! Base64 and base64url, decoded at a chosen alignment (stub, see the codec brief).
