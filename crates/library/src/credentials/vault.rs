//! A file of sessions sealed with a passphrase: argon2id makes the key, XChaCha20-Poly1305 seals. It is readable by its owner only and
//! replaced whole or not at all.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};

use super::CredentialError;

/// Characters a passphrase has at least.
pub(super) const MIN_PASSPHRASE_CHARS: usize = 8;
/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 256 * 1024;
const NONCE_BYTES: usize = 24;
const SALT_BYTES: usize = 16;
/// What is sealed together with the tokens, so that nothing else passes for them.
const PURPOSE: &[u8] = b"collabtrack/vault/1";

/// Cost of the key: memory in KiB, passes, lanes. A file may say more, up to a limit, never less.
const COST: Cost = Cost { m: 65_536, t: 3, p: 1 };
const MAX_COST: Cost = Cost { m: 1_048_576, t: 16, p: 8 };

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Cost {
    m: u32,
    t: u32,
    p: u32,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    v: u32,
    cost: Cost,
    salt: String,
    nonce: String,
    sealed: String,
}

/// The key of the open file, and the salt it was made with.
#[derive(Clone)]
struct Key {
    key: Arc<SecretBox<[u8; 32]>>,
    salt: [u8; SALT_BYTES],
    cost: Cost,
}

/// A sealed file, open or not. Nothing is read or written before it is opened.
pub(super) struct Vault {
    path: PathBuf,
    key: Mutex<Option<Key>>,
    /// One change after the other: each reads the whole file and writes it anew.
    changing: tokio::sync::Mutex<()>,
}

impl Vault {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, key: Mutex::default(), changing: tokio::sync::Mutex::default() }
    }

    /// Whether there is a file.
    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Whether its passphrase has yet to be given.
    pub(super) fn is_locked(&self) -> bool {
        self.key.lock().expect("nobody panics while holding the key").is_none()
    }

    /// Opens the file; without one it is made.
    pub(super) async fn unlock(&self, passphrase: SecretString) -> Result<(), CredentialError> {
        let path = self.path.clone();
        let work = move || {
            let found = read(&path)?;
            if found.is_none() && passphrase.expose_secret().chars().count() < MIN_PASSPHRASE_CHARS {
                return Err(CredentialError::ShortPassphrase);
            }
            let damaged = || CredentialError::Damaged { path: path.clone() };
            let (cost, salt) = match &found {
                Some(sealed) => {
                    (sealed.cost, BASE64.decode(sealed.salt.as_bytes()).ok().and_then(|salt| salt.try_into().ok()).ok_or_else(damaged)?)
                }
                None => (COST, random()),
            };
            let key = Key { key: Arc::new(derive(&passphrase, &salt, cost)?), salt, cost };
            match found {
                Some(sealed) => drop(open(&path, &key, &sealed)?),
                None => write(&path, &key, &BTreeMap::new())?,
            }
            Ok(key)
        };
        let key = tokio::task::spawn_blocking(work).await.map_err(|_| CredentialError::Seal)??;
        *self.key.lock().expect("nobody panics while holding the key") = Some(key);
        Ok(())
    }

    /// The token under a name; none while the file is not open.
    pub(super) async fn get(&self, name: &str) -> Result<Option<SecretString>, CredentialError> {
        let Some(key) = self.key.lock().expect("nobody panics while holding the key").clone() else { return Ok(None) };
        let found = match read(&self.path)? {
            Some(sealed) => open(&self.path, &key, &sealed)?,
            None => BTreeMap::new(),
        };
        Ok(found.get(name).map(|token| SecretString::from(token.as_str())))
    }

    /// Keeps or forgets the token under a name. Nothing is kept while the file is not open.
    pub(super) async fn set(&self, name: &str, token: Option<SecretString>) -> Result<(), CredentialError> {
        let Some(key) = self.key.lock().expect("nobody panics while holding the key").clone() else { return Ok(()) };
        let _alone = self.changing.lock().await;
        let mut tokens = match read(&self.path)? {
            Some(sealed) => open(&self.path, &key, &sealed)?,
            None => BTreeMap::new(),
        };
        match token {
            Some(token) => tokens.insert(name.to_owned(), token.expose_secret().to_owned()),
            None => tokens.remove(name),
        };
        write(&self.path, &key, &tokens)
    }

    /// Removes the file and forgets its key.
    pub(super) fn remove(&self) -> Result<(), CredentialError> {
        *self.key.lock().expect("nobody panics while holding the key") = None;
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CredentialError::File { path: self.path.clone(), source }),
            _ => Ok(()),
        }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

fn derive(passphrase: &SecretString, salt: &[u8; SALT_BYTES], cost: Cost) -> Result<SecretBox<[u8; 32]>, CredentialError> {
    let params = Params::new(cost.m, cost.t, cost.p, Some(32)).map_err(|_| CredentialError::Seal)?;
    let mut key = Box::new([0_u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose_secret().as_bytes(), salt, &mut key[..])
        .map_err(|_| CredentialError::Seal)?;
    Ok(SecretBox::new(key))
}

fn open(path: &Path, key: &Key, sealed: &Sealed) -> Result<BTreeMap<String, String>, CredentialError> {
    let damaged = || CredentialError::Damaged { path: path.to_path_buf() };
    let nonce: [u8; NONCE_BYTES] =
        BASE64.decode(sealed.nonce.as_bytes()).ok().and_then(|nonce| nonce.try_into().ok()).ok_or_else(damaged)?;
    let bytes = BASE64.decode(sealed.sealed.as_bytes()).map_err(|_| damaged())?;
    let cipher = XChaCha20Poly1305::new(key.key.expose_secret().into());
    let plain = cipher
        .decrypt(&XNonce::from(nonce), Payload { msg: &bytes, aad: PURPOSE })
        .map_err(|_| CredentialError::Passphrase { path: path.to_path_buf() })?;
    serde_json::from_slice(&plain).map_err(|_| damaged())
}

fn read(path: &Path) -> Result<Option<Sealed>, CredentialError> {
    let fault = |source| CredentialError::File { path: path.to_path_buf(), source };
    let damaged = || CredentialError::Damaged { path: path.to_path_buf() };
    match is_private(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
        Ok(false) => return Err(CredentialError::FileOpen { path: path.to_path_buf() }),
        Ok(true) => {}
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(fault)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(damaged());
    }
    let sealed: Sealed = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    let Cost { m, t, p } = sealed.cost;
    let within = (COST.m..=MAX_COST.m).contains(&m) && (COST.t..=MAX_COST.t).contains(&t) && (COST.p..=MAX_COST.p).contains(&p);
    if sealed.v != 1 || !within {
        return Err(damaged());
    }
    Ok(Some(sealed))
}

fn write(path: &Path, key: &Key, tokens: &BTreeMap<String, String>) -> Result<(), CredentialError> {
    let fault = |source| CredentialError::File { path: path.to_path_buf(), source };
    let nonce: [u8; NONCE_BYTES] = random();
    let plain = serde_json::to_vec(tokens).map_err(|_| CredentialError::Seal)?;
    let cipher = XChaCha20Poly1305::new(key.key.expose_secret().into());
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: PURPOSE }).map_err(|_| CredentialError::Seal)?;
    let file =
        Sealed { v: 1, cost: key.cost, salt: BASE64.encode(&key.salt), nonce: BASE64.encode(&nonce), sealed: BASE64.encode(&sealed) };
    let bytes = serde_json::to_vec(&file).map_err(|_| CredentialError::Seal)?;

    let mut temp = path.as_os_str().to_owned();
    temp.push(".new");
    let temp = PathBuf::from(temp);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    // A left-over with wider rights must not receive anything.
    crate::content_store::discard(&temp);
    let mut target = options.open(&temp).map_err(fault)?;
    target.write_all(&bytes).and_then(|()| target.sync_all()).map_err(fault)?;
    drop(target);
    crate::content_store::rename(&temp, path).map_err(fault)
}

#[cfg(unix)]
fn is_private(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(path: &Path) -> std::io::Result<bool> {
    std::fs::metadata(path).map(|_| true)
}
