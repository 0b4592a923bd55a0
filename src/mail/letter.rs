//! The letters: what they are about, and their texts in the reader's language.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::html::{Button, Parts, page};
use super::purpose::{Purpose, WAY_BACK};
use crate::base::language::{Language, translate};

/// What a mail says. Links end in a fragment, so no server on the way logs the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "letter")]
pub enum Letter {
    /// Asks whether the address is theirs.
    VerifyEmail { token: String },
    /// Somebody, perhaps they themselves, gave an address that has an account.
    AlreadyRegistered,
    /// Somebody made an account for them; the link lets them set a password.
    Invitation { token: String },
    /// Lets them set a new password.
    ResetPassword { token: String },
    /// A change of address was undone, which made the password void; lets them set a new one.
    AddressKept { token: String },
    /// The password was changed or reset.
    PasswordChanged,
    /// Asks whether the new address is theirs.
    ConfirmNewEmail { token: String },
    /// Another account asked for an address that has one.
    AddressInUse,
    /// Tells the old address of a change; the link undoes it.
    EmailChangeNotice { token: String },
}

const NOTICE: Duration = Duration::from_secs(24 * 3600);

/// A letter as it is read.
#[derive(Clone, Debug, Serialize)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What the button opens, if there is one.
    pub link: Option<String>,
}

impl Letter {
    /// The texts are `mail-<id>-subject`, `-text` and `-button` in `locales/`.
    pub(super) fn id(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify-email",
            Self::AlreadyRegistered => "already-registered",
            Self::Invitation { .. } => "invitation",
            Self::ResetPassword { .. } => "reset-password",
            Self::AddressKept { .. } => "address-kept",
            Self::AddressInUse => "address-in-use",
            Self::PasswordChanged => "password-changed",
            Self::ConfirmNewEmail { .. } => "confirm-new-email",
            Self::EmailChangeNotice { .. } => "email-change-notice",
        }
    }

    /// The page that the letter's button opens, and the token it hands over.
    fn page(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::VerifyEmail { token } | Self::ConfirmNewEmail { token } => Some(("verify-email", token)),
            Self::Invitation { token } => Some(("accept-invitation", token)),
            Self::ResetPassword { token } | Self::AddressKept { token } => Some(("reset-password", token)),
            Self::EmailChangeNotice { token } => Some(("cancel-email-change", token)),
            Self::AlreadyRegistered | Self::AddressInUse | Self::PasswordChanged => None,
        }
    }

    /// How long it is worth sending: as long as its link is good, and a day for a notice.
    pub(super) fn life(&self) -> Duration {
        match self {
            Self::ResetPassword { .. } | Self::AddressKept { .. } => Purpose::ResetPassword.life(),
            Self::Invitation { .. } => Purpose::Invitation.life(),
            Self::ConfirmNewEmail { .. } => Purpose::ChangeEmail.life(),
            Self::EmailChangeNotice { .. } => WAY_BACK,
            Self::VerifyEmail { .. } => Purpose::VerifyEmail.life(),
            Self::AlreadyRegistered | Self::AddressInUse | Self::PasswordChanged => NOTICE,
        }
    }

    pub(super) fn link(&self, base: &str) -> Option<String> {
        self.page().map(|(page, token)| format!("{base}/{page}#token={token}"))
    }

    /// The letter for a reader of `language`, with links that begin with `base`.
    pub fn render(&self, language: Language, service: &str, base: &str) -> Rendered {
        let text = |part: &str| {
            translate(language, &format!("mail-{}-{part}", self.id()), &[("service", service.into())])
        };
        let (subject, body) = (text("subject"), text("text"));
        let Some(link) = self.link(base) else {
            let html = page(&Parts { language, subject: &subject, body: &body, button: None });
            return Rendered { subject, text: body, html, link: None };
        };
        let (label, hint) = (text("button"), translate(language, "mail-link-hint", &[]));
        let button = Some(Button { label: &label, link: &link, hint: &hint });
        let html = page(&Parts { language, subject: &subject, body: &body, button });
        Rendered { text: format!("{body}\n\n{link}"), subject, html, link: Some(link) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_its_texts_in_both_languages() {
        let token = "t".to_owned();
        let letters = [
            Letter::VerifyEmail { token: token.clone() },
            Letter::AlreadyRegistered,
            Letter::Invitation { token: token.clone() },
            Letter::ResetPassword { token: token.clone() },
            Letter::AddressKept { token: token.clone() },
            Letter::AddressInUse,
            Letter::PasswordChanged,
            Letter::ConfirmNewEmail { token: token.clone() },
            Letter::EmailChangeNotice { token },
        ];
        for letter in letters {
            let [en, zh] = Language::ALL.map(|l| letter.render(l, "Stead", "https://api.example"));
            for text in [&en.subject, &en.text, &zh.subject, &zh.text] {
                assert!(!text.starts_with("mail-") && !text.is_empty(), "{text}");
            }
            assert_ne!(en.text, zh.text);
        }
    }

    #[test]
    fn the_token_is_in_the_fragment_of_the_link() {
        let rendered =
            Letter::VerifyEmail { token: "abc".into() }.render(Language::English, "S", "https://a.example");
        assert_eq!(rendered.link.as_deref(), Some("https://a.example/verify-email#token=abc"));
        assert!(rendered.text.contains("https://a.example/verify-email#token=abc"));
    }

    #[test]
    fn nothing_in_a_letter_is_taken_for_markup() {
        let token = "\"><script>'".to_owned();
        let letter = Letter::VerifyEmail { token };
        let html = letter.render(Language::English, "<b>&\"", "https://a.example").html;
        assert!(html.contains("&lt;b&gt;&amp;&quot;") && !html.contains("<b>"), "{html}");
        assert!(
            html.contains("#token=&quot;&gt;&lt;script&gt;&#39;\"") && !html.contains("<script"),
            "{html}"
        );
    }
}
