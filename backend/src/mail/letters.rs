//! What the letters say. Short, in plain text; a code stands alone in its line, a link behind it where the server knows its own address.

use url::Url;

use super::{Letter, Mail};
use crate::accounts::address::Address;

impl Mail {
    /// How the server is called in a letter: by its address, where it knows it.
    fn name(&self) -> String {
        let host = self.base.as_ref().and_then(Url::host_str).map(|host| format!(" at {host}"));
        format!("CollabTrack{}", host.unwrap_or_default())
    }

    /// The code, and the same as a link. It stands behind the `#`, which browsers keep to themselves.
    fn code(&self, page: &str, code: &str) -> String {
        match &self.base {
            None => format!("    {code}\n"),
            Some(base) => {
                format!("    {code}\n\nor paste this whole link there:\n\n    {}/{page}#{code}\n", base.as_str().trim_end_matches('/'))
            }
        }
    }

    /// To somebody who asked for an account.
    pub(crate) fn confirm_registration(&self, to: Address, code: &str) -> Letter {
        let name = self.name();
        let text = format!(
            "Somebody, most likely you, asked for an account in {name} with this address.\n\n\
             To make it, give this code in CollabTrack within a day, with the password you chose:\n\n{}\n\
             If it was not you, do nothing: without the code there is no account.\n",
            self.code("confirm", code)
        );
        Letter { to, subject: "Your code for CollabTrack".to_owned(), text }
    }

    /// To somebody who has an account and for whose address another one was asked.
    pub(crate) fn has_an_account(&self, to: Address) -> Letter {
        let name = self.name();
        let text = format!(
            "Somebody, most likely you, asked for an account in {name} with this address.\n\n\
             You have one already, so no second one was made and nothing was changed. Sign in with your password; if you forgot it,\n\
             choose \"Forgot the password\" there.\n\n\
             If it was not you, do nothing: whoever asked was not told that you have an account.\n"
        );
        Letter { to, subject: "You have a CollabTrack account already".to_owned(), text }
    }

    /// To somebody who forgot the password.
    pub(crate) fn reset(&self, to: Address, code: &str) -> Letter {
        let name = self.name();
        let text = format!(
            "Somebody, most likely you, asked for a new password for your account in {name}.\n\n\
             To set one, give this code in CollabTrack within half an hour:\n\n{}\n\
             It works once and ends every session of the account; a second factor stays on.\n\
             If it was not you, do nothing: your password stays as it is.\n",
            self.code("reset", code)
        );
        Letter { to, subject: "Your code for a new password".to_owned(), text }
    }

    /// To the new address of an account, or to the same one that is to be confirmed.
    pub(crate) fn confirm_address(&self, to: Address, code: &str) -> Letter {
        let name = self.name();
        let text = format!(
            "Somebody, most likely you, gave this address for their account in {name}.\n\n\
             To confirm it, give this code in CollabTrack within a day, under Account:\n\n{}\n\
             If it was not you, do nothing: without the code nothing changes.\n",
            self.code("confirm", code)
        );
        Letter { to, subject: "Confirm your address for CollabTrack".to_owned(), text }
    }

    /// To an address that somebody else wanted to give to their account.
    pub(crate) fn address_is_taken(&self, to: Address) -> Letter {
        let name = self.name();
        let text = format!(
            "Somebody wanted to give this address to their account in {name}. It belongs to your account already, so nothing was changed.\n\n\
             If it was you: sign in with this address, or delete the account that has it first.\n\
             If it was not you, do nothing: whoever asked was not told that you have an account.\n"
        );
        Letter { to, subject: "Your address was asked for in CollabTrack".to_owned(), text }
    }

    /// To the address an account had before.
    pub(crate) fn address_changed(&self, to: Address) -> Letter {
        let name = self.name();
        let text = format!(
            "Your account in {name} has another address from now on; this one no longer signs in.\n\n\
             If it was not you, tell whoever runs the server at once.\n"
        );
        Letter { to, subject: "Your CollabTrack account has another address".to_owned(), text }
    }

    /// To somebody who is invited to a project. Neither project nor inviter stand in it: the address may be mistyped.
    pub(crate) fn invitation(&self, to: Address, code: &str) -> Letter {
        let name = self.name();
        let text = format!(
            "You are invited to a music project in {name}.\n\n\
             To see which and by whom, sign in or make an account with this address in CollabTrack, choose \"Join a project\" and give this\n\
             code; it works once:\n\n{}\n\
             If you expected no invitation, do nothing.\n",
            self.code("join", code)
        );
        Letter { to, subject: "You are invited to a music project".to_owned(), text }
    }
}
