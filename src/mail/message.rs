//! A letter as it travels: MIME (RFC 2045), text and HTML, with headers that nothing can be added to.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::AddressError};

use super::outbox::Posted;

/// Why a letter cannot be put into the form of a mail.
#[derive(Debug, thiserror::Error)]
pub enum Unsendable {
    #[error("the address is not one for SMTP")]
    Address(#[from] AddressError),
    #[error("the mail cannot be composed")]
    Message(#[from] lettre::error::Error),
}

/// A mail as transports take it.
pub(super) struct Composed {
    pub from: Address,
    pub to: Address,
    /// Lines end in CRLF; all bytes are ASCII.
    pub bytes: Vec<u8>,
}

/// The same letter always gets the same `Message-ID`, so that who receives it twice can tell.
pub(super) fn compose(from: &Mailbox, posted: &Posted) -> Result<Composed, Unsendable> {
    let to: Address = posted.to.as_str().parse()?;
    let micros = u64::try_from(posted.created_at.micros()).unwrap_or_default();
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    // The boundary is a word that the parts, being encoded, cannot hold by chance: an id of its own.
    let parts = MultiPart::alternative()
        .boundary(format!("={}=", posted.id))
        .singlepart(SinglePart::plain(posted.content.text.clone()))
        .singlepart(SinglePart::html(posted.content.html.clone()));
    let message = Message::builder()
        .message_id(Some(format!("<{}@{}>", posted.id, from.email.domain())))
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(&posted.content.subject))
        // RFC 3834: nobody's absence is to be told to it.
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .multipart(parts)?;
    Ok(Composed { from: from.email.clone(), to, bytes: message.formatted() })
}

/// A subject has one line, whatever the texts say.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, Timestamp};
    use crate::base::language::Language;
    use crate::base::random::Random;
    use crate::mail::{Letter, MailId};

    fn composed(language: Language, service: &str, letter: &Letter) -> String {
        let posted = Posted {
            id: MailId::fresh(&Clock::manual(Timestamp::EPOCH), &Random::seeded(1)),
            to: "ada@bücher.example".parse().unwrap(),
            created_at: Timestamp::EPOCH,
            content: letter.render(language, service, "https://a.example"),
        };
        let from = "石 <no-reply@mail.example>".parse().unwrap();
        String::from_utf8(compose(&from, &posted).unwrap().bytes).unwrap()
    }

    /// The header lines, unfolded.
    fn headers(mail: &str) -> Vec<String> {
        let head = mail.split_once("\r\n\r\n").unwrap().0;
        head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn every_letter_is_ascii_with_text_and_html() {
        let letter = Letter::ResetPassword { token: "t".into() };
        for language in Language::ALL {
            let mail = composed(language, "Stead", &letter);
            assert!(mail.is_ascii() && !mail.replace("\r\n", "").contains(['\r', '\n']), "{mail}");
            assert!(mail.lines().all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
            for part in [
                "Content-Type: multipart/alternative;",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Type: text/html; charset=utf-8",
                "Auto-Submitted: auto-generated",
                "Date: Thu, 01 Jan 1970 00:00:00 +0000",
                "To: ada@xn--bcher-kva.example",
                "@mail.example>",
            ] {
                assert!(mail.contains(part), "{part} in {mail}");
            }
        }
    }

    #[test]
    fn nothing_adds_a_header() {
        for evil in ["S\r\nBcc: eve@example.com", "S\nBcc: eve@example.com", "S\rBcc: eve@example.com\0"] {
            let mail = composed(Language::English, evil, &Letter::PasswordChanged);
            let headers = headers(&mail);
            assert!(headers.iter().all(|line| !line.to_lowercase().starts_with("bcc")), "{headers:?}");
            assert_eq!(headers.iter().filter(|line| line.starts_with("To:")).count(), 1);
        }
    }
}
