//! The signed-in account.

use collabtrack_library::Library;
use collabtrack_library::view::accounts::DeviceKeyView;
use secrecy::SecretString;

use super::server::{address, password, secret};
use crate::arguments::Account;
use crate::output::{Output, Trouble};

/// The passphrase of the sealed file of sessions. Never an argument: those stand in process lists.
pub(crate) fn passphrase() -> Result<SecretString, Trouble> {
    std::env::var("COLLABTRACK_TOKEN_PASSPHRASE").map(SecretString::from).map_err(|_| {
        Trouble::new(
            "COLLABTRACK_TOKEN_PASSPHRASE is not set",
            "The file of sessions is sealed with it, so nothing was done.",
            "Set it in the environment; for a new file choose one of 8 characters or more.",
        )
    })
}

/// `account …`.
pub(crate) async fn run(library: &Library, command: Account, output: &Output) -> Result<(), Trouble> {
    match command {
        Account::Show => {
            let account = library.account().await?;
            output.answer(&account, |account| {
                let factor = if account.second_factor { "with" } else { "without" };
                let site = if account.site_admin { ", site admin" } else { "" };
                format!("{}  {}  {}  {factor} a second factor{site}", account.id, account.email, account.name)
            });
        }
        Account::StepUp { code } => {
            library.step_up(password()?.into(), code.as_deref()).await?;
            output.answer(&true, |_| "Confirmed for ten minutes.".to_owned());
        }
        Account::Password { code } => {
            let (current, new) = (password()?, secret("COLLABTRACK_NEW_PASSWORD")?);
            library.change_password(current.into(), new.into(), code.as_deref()).await?;
            output.answer(&true, |_| "The password is changed; every other session has ended.".to_owned());
        }
        Account::Address { email } => {
            let changed = library.change_address(&email).await?;
            output.answer(&changed, |changed| match changed {
                Some(account) => format!("The address is {} from now on.", account.email),
                None => format!("A mail to {email} tells how it goes on. With the code in it: `account confirm-address CODE`."),
            });
        }
        Account::ConfirmAddress { code } => {
            let account = library.confirm_address(&code).await?;
            output.answer(&account, |account| format!("The address is {} and confirmed.", account.email));
        }
        Account::Delete { email } => {
            let account = library.account().await?;
            if !account.email.eq_ignore_ascii_case(email.trim()) {
                return Err(Trouble::new(
                    "This is not the address of the signed-in account",
                    "Nothing was deleted.",
                    "`account show` names it.",
                ));
            }
            output.answer(&library.delete_account().await?, |_| {
                "The account is deleted on the server. What is on this computer stays.".to_owned()
            });
        }
        Account::Reset { reset_code } => {
            let new = secret("COLLABTRACK_NEW_PASSWORD")?;
            library.reset_password(&address(library).await?, &reset_code, new.into()).await?;
            output.answer(&true, |_| "The password is changed; sign in with it.".to_owned());
        }
        Account::Sessions => {
            let sessions = library.sessions().await?;
            output.answer(&sessions, |sessions| {
                let line = |one: &collabtrack_library::view::accounts::SessionView| {
                    format!("{}  {}  {}{}\n", one.id, one.last_used_at, one.device_name, if one.current { "  (this one)" } else { "" })
                };
                sessions.iter().map(line).collect()
            });
        }
        Account::EndSession { id } => {
            library.end_session(&id).await?;
            output.answer(&true, |_| "The session has ended.".to_owned());
        }
        Account::EndOthers => {
            library.end_other_sessions().await?;
            output.answer(&true, |_| "Every other session has ended.".to_owned());
        }
        Account::Devices => {
            let devices = library.known_devices().await?;
            output.answer(&devices, |devices| {
                devices.iter().map(|one| format!("{}  {}  {}\n", one.id, one.last_used_at, one.name)).collect()
            });
        }
        Account::Keys => print_keys(&library.device_keys().await?, output),
        Account::MakeKey => print_keys(&library.make_device_key().await?, output),
        Account::RevokeKey { id } => print_keys(&library.revoke_device_key(&id).await?, output),
        Account::TotpBegin => {
            let made = library.totp_begin().await?;
            output.answer(&made, |made| format!("{}\n{}\nConfirm it with `account totp-confirm CODE`.", made.secret, made.uri));
        }
        Account::TotpConfirm { code } => {
            let codes = library.totp_confirm(&code).await?;
            output.answer(&codes, |codes| {
                format!("The second factor is on. Each of these codes works once without it:\n{}", codes.join("\n"))
            });
        }
        Account::TotpOff => {
            library.totp_off().await?;
            output.answer(&true, |_| "The second factor is off.".to_owned());
        }
    }
    Ok(())
}

fn print_keys(keys: &[DeviceKeyView], output: &Output) {
    output.answer(&keys, |keys| {
        let state = |key: &DeviceKeyView| match &key.revoked_at {
            Some(when) => format!("  (revoked {when})"),
            None if key.here => "  (this computer)".to_owned(),
            None => String::new(),
        };
        keys.iter().map(|key| format!("{}  {}  {}{}\n", key.id, key.created_at, key.name, state(key))).collect()
    });
}
