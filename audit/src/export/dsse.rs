//! Signed documents: DSSE envelopes (`https://github.com/secure-systems-lab/dsse`) with ed25519.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use vrift_cas::Digest;

use super::Error;

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A private key.
#[derive(Debug)]
pub struct Key(SigningKey);

impl Key {
    /// Reads a private key in PEM (PKCS#8), as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn from_pem(pem: &str) -> Result<Key, Error> {
        SigningKey::from_pkcs8_pem(pem).map(Key).map_err(|source| Error::Key { source })
    }

    /// A hint which key it is: the BLAKE3 digest of the public one.
    pub fn id(&self) -> String {
        Digest::of(self.0.verifying_key().as_bytes()).to_string()
    }
}

/// The envelope of a statement. The bytes of its payload are what is signed, so they are never spelled anew.
pub fn envelope(statement: &Value, key: &Key) -> Value {
    let payload = statement.to_string();
    let signature = key.0.sign(&signed_bytes(payload.as_bytes()));
    json!({
        "payload": STANDARD.encode(&payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{ "keyid": key.id(), "sig": STANDARD.encode(signature.to_bytes()) }],
    })
}

/// The type and the payload, each after its length ("PAE" in the specification).
fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let kind = PAYLOAD_TYPE;
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
