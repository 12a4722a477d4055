//! The key this computer signs with in the name of its account: made here, its secret half kept where sessions are kept, its public half
//! with the account. Where nothing is kept beyond this run no key is made: it could never sign again.

use collabtrack_domain::device_key::{DeviceKey, sign_claim};
use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{AddDeviceKey, DeviceKeyInfo};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};

use crate::account::path_part;
use crate::credentials::CredentialError;
use crate::error::Result;
use crate::library::Library;
use crate::server::device_name;
use crate::view::CredentialPlace;
use crate::view::accounts::DeviceKeyView;

/// Under which name the secret half is kept.
fn key_user(account: &str) -> String {
    format!("key {account}")
}

/// The secret half, as it is kept.
struct Secret([u8; 32]);

impl Secret {
    fn new() -> Self {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes);
        Self(bytes)
    }

    fn parse(kept: &SecretString) -> Option<Self> {
        HEXLOWER.decode(kept.expose_secret().as_bytes()).ok()?.try_into().ok().map(Self)
    }

    fn id(&self) -> String {
        HEXLOWER.encode(&DeviceKey::of_secret(&self.0).fingerprint())
    }
}

impl Library {
    /// The keys that computers of the account sign with, newest first; revoked ones too.
    /// # Errors
    /// `SignedOut`, or that the server does not answer.
    pub async fn device_keys(&self) -> Result<Vec<DeviceKeyView>> {
        let api = self.api().await?;
        let keys: Vec<DeviceKeyInfo> = self.heard(api.get("/device-keys", &[]).await)?;
        let here = self.kept_key().await?.map(|secret| secret.id());
        let view = |key: DeviceKeyInfo| DeviceKeyView {
            here: here.as_ref() == Some(&key.id),
            id: key.id,
            name: key.name,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        };
        Ok(keys.into_iter().map(view).collect())
    }

    /// Makes a key on this computer, keeps its secret half, and gives the account the public one. Where there is a key already that counts,
    /// it stays.
    /// # Errors
    /// `step_up_required`; that nothing is kept on this computer beyond this run.
    pub async fn make_device_key(&self) -> Result<Vec<DeviceKeyView>> {
        let api = self.api().await?;
        let account = self.who()?.1;
        let revoked: Vec<String> = self.device_keys().await?.into_iter().filter(|key| key.revoked_at.is_some()).map(|key| key.id).collect();
        let secret = match self.kept_key().await?.filter(|secret| !revoked.contains(&secret.id())) {
            Some(kept) => kept,
            None => self.keep_new_key().await?,
        };
        let account: AccountId = account.parse().map_err(|_| crate::error::LibraryError::SignedOut)?;
        let body = AddDeviceKey {
            name: device_name(),
            public_key: HEXLOWER.encode(DeviceKey::of_secret(&secret.0).public()),
            signature: HEXLOWER.encode(&sign_claim(&secret.0, &account)),
        };
        let _: DeviceKeyInfo = self.heard(api.post("/device-keys", &body).await)?;
        self.device_keys().await
    }

    /// Revokes a key; this computer's own is forgotten as well.
    /// # Errors
    /// `step_up_required`, `not_found`.
    pub async fn revoke_device_key(&self, id: &str) -> Result<Vec<DeviceKeyView>> {
        let api = self.api().await?;
        self.heard(api.delete(&format!("/device-keys/{}", path_part(id))).await)?;
        if self.kept_key().await?.is_some_and(|secret| secret.id() == id) {
            let (server, account) = self.who()?;
            self.credentials().forget(&server, &key_user(&account)).await?;
        }
        self.device_keys().await
    }

    async fn kept_key(&self) -> Result<Option<Secret>> {
        let (server, account) = self.who()?;
        Ok(self.credentials().get(&server, &key_user(&account)).await?.as_ref().and_then(Secret::parse))
    }

    /// Kept and read back before anybody hears of it.
    async fn keep_new_key(&self) -> Result<Secret> {
        let (server, account) = self.who()?;
        if self.credentials().place() == CredentialPlace::Memory {
            return Err(CredentialError::NothingKept.into());
        }
        let secret = Secret::new();
        let user = key_user(&account);
        self.credentials().set(&server, &user, HEXLOWER.encode(&secret.0).into()).await?;
        let kept = self.credentials().read_back(&server, &user).await?;
        match kept.as_ref().and_then(Secret::parse).filter(|kept| kept.id() == secret.id()) {
            Some(kept) => Ok(kept),
            None => Err(CredentialError::NothingKept.into()),
        }
    }
}
