//! How mail leaves and who sends it, taken from `mail.url` and `mail.from`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use lettre::Address;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::sections::Config;
use super::urls::SecretUrl;
use crate::base::service;

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum Transport {
    /// It stays in the database, where `/dev/mail` shows it in dev and testing.
    Outbox,
    /// One `.eml` file for each, in this folder.
    Folder(PathBuf),
    Smtp(MailServer),
}

/// A mail server, and how to speak to it.
#[derive(Clone, Debug)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub credentials: Option<Credentials>,
}

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From its first byte (`smtps://`, RFC 8314).
    Implicit,
    /// By STARTTLS, and nothing is said before (`smtp://`).
    Required,
    /// Never (`smtp://` to this machine, or `?tls=none`).
    None,
}

/// A name and a password for the mail server. Never printed.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    password: SecretString,
}

impl Credentials {
    pub fn password(&self) -> &str {
        self.password.expose_secret()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([REDACTED])")
    }
}

impl Transport {
    /// Reads `mail.url`; `None` for what names no transport, or says more than one can heed.
    pub fn of(url: &SecretUrl) -> Option<Self> {
        match url.expose().split_once(':')? {
            ("outbox", "") => Some(Self::Outbox),
            ("file", path) => folder(path).map(Self::Folder),
            ("smtp", _) => server(&Url::parse(url.expose()).ok()?, false).map(Self::Smtp),
            ("smtps", _) => server(&Url::parse(url.expose()).ok()?, true).map(Self::Smtp),
            _ => None,
        }
    }

    /// Whether passwords and links would cross a network in clear.
    pub fn is_in_clear(&self) -> bool {
        matches!(self, Self::Smtp(server) if server.tls == Tls::None && !is_loopback(&server.host))
    }
}

/// `file:data/mail`, `file:/var/mail`, `file:///var/mail`.
fn folder(path: &str) -> Option<PathBuf> {
    let path = match path.strip_prefix("//") {
        // What stands after two slashes is a host.
        Some(rest) => Some(rest).filter(|rest| rest.starts_with('/'))?,
        None => path,
    };
    (!path.is_empty()).then(|| path.into())
}

fn server(url: &Url, implicit: bool) -> Option<MailServer> {
    let host = match url.host()? {
        Host::Ipv6(ip) => ip.to_string(),
        host => Some(host.to_string()).filter(|host| !host.is_empty())?,
    };
    let tls = match (implicit, url.query()) {
        (true, None) => Tls::Implicit,
        (false, None) if is_loopback(&host) => Tls::None,
        (false, None | Some("tls=required")) => Tls::Required,
        (false, Some("tls=none")) => Tls::None,
        _ => return None,
    };
    let standard = match tls {
        Tls::Implicit => 465,
        Tls::Required => 587,
        Tls::None => 25,
    };
    let is_bare = matches!(url.path(), "" | "/") && url.fragment().is_none();
    let credentials = credentials(url)?;
    is_bare.then(|| MailServer { port: url.port().unwrap_or(standard), tls, credentials, host })
}

/// A name and a password, or neither.
fn credentials(url: &Url) -> Option<Option<Credentials>> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        (!text.is_empty() && !text.contains(char::is_control)).then(|| text.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Some(None),
        (user, Some(password)) => {
            Some(Some(Credentials { user: decoded(user)?, password: decoded(password)?.into() }))
        }
        (_, None) => None,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Reads `mail.from`: an address, or `Name <address>`. The address may be local (`no-reply@localhost`),
/// which an account's may not.
pub(super) fn sender(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    if text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.strip_suffix('>')?),
        None => ("", text),
    };
    let address: Address = address.parse().ok().filter(|_| address.is_ascii())?;
    Some(Mailbox::new(Some(name.to_owned()).filter(|name| !name.is_empty()), address))
}

impl Config {
    /// How mail leaves; `None` where nothing says so.
    pub fn transport(&self) -> Option<Transport> {
        self.mail.url.as_ref().and_then(Transport::of)
    }

    /// Who mails are from: `mail.from`, or nobody in particular at the public address.
    pub fn sender(&self) -> Option<Mailbox> {
        if let Some(from) = &self.mail.from {
            return sender(from);
        }
        let url = self.server.public_url();
        let host = url.domain().unwrap_or("localhost");
        sender(&format!("{} <no-reply@{host}>", service::NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Option<Transport> {
        Transport::of(&url.parse().unwrap())
    }

    fn smtp(url: &str) -> MailServer {
        match of(url) {
            Some(Transport::Smtp(server)) => server,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn a_mail_server_elsewhere_is_spoken_to_under_tls_only() {
        for (url, port, tls) in [
            ("smtps://mail.example.com", 465, Tls::Implicit),
            ("smtps://127.0.0.1:4650", 4650, Tls::Implicit),
            ("smtp://mail.example.com", 587, Tls::Required),
            ("smtp://mail.example.com:25/", 25, Tls::Required),
            ("smtp://192.0.2.1", 587, Tls::Required),
            ("smtp://localhost.example.com", 587, Tls::Required),
            ("smtp://localhost?tls=required", 587, Tls::Required),
            ("smtp://localhost:1025", 1025, Tls::None),
            ("smtp://127.9.9.9", 25, Tls::None),
            ("smtp://[::1]", 25, Tls::None),
        ] {
            let server = smtp(url);
            assert_eq!((server.port, server.tls), (port, tls), "{url}");
            assert!(!Transport::Smtp(server).is_in_clear(), "{url}");
        }
        let asked_for = of("smtp://mail.example.com?tls=none").unwrap();
        assert!(asked_for.is_in_clear());
    }

    #[test]
    fn credentials_are_decoded_and_never_printed() {
        let server = smtp("smtps://ada%40b.example:hunter2%3A%2F@mail.example");
        let credentials = server.credentials.clone().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password()), ("ada@b.example", "hunter2:/"));
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    #[test]
    fn a_folder_is_taken_as_it_is_written() {
        for (url, path) in
            [("file:data/mail", "data/mail"), ("file:/var/mail", "/var/mail"), ("file:///a", "/a")]
        {
            assert!(matches!(of(url), Some(Transport::Folder(folder)) if folder == *path), "{url}");
        }
    }

    #[test]
    fn what_is_no_transport_is_refused() {
        for url in [
            "sendmail:",
            "outbox:x",
            "file:",
            "file://host/mail",
            "smtp:",
            "smtp:mail.example",
            "smtp://",
            "smtp://mail.example/hunter2",
            "smtp://mail.example#hunter2",
            "smtp://mail.example?tls=opportunistic",
            "smtp://mail.example?tls=none&x=1",
            "smtps://mail.example?tls=none",
            "smtp://user@mail.example",
            "smtp://:hunter2@mail.example",
            "smtp://user:hunter2%0D%0A@mail.example",
            "smtp://user:hunter2%FF@mail.example",
        ] {
            assert!(of(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, shown) in [
            ("a@b.example", "a@b.example"),
            ("Stead <no-reply@localhost>", "Stead <no-reply@localhost>"),
            ("\"A, B\" <a@b.example>", "\"A, B\" <a@b.example>"),
            (" 石 <a@b.example> ", "石 <a@b.example>"),
        ] {
            assert_eq!(sender(text).unwrap().to_string(), shown);
        }
        for text in [
            "",
            "Stead",
            "a@",
            "@b",
            "A <a@b.example",
            "a@b.example\r\nBcc: c@d.example",
            "a@b@c",
            "ä@b.example",
        ] {
            assert!(sender(text).is_none(), "{text:?}");
        }
    }
}
