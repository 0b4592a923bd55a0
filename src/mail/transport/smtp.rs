//! SMTP (RFC 5321): one connection for a round, each step with its own time, each failure with its kind.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;

use super::failure::{Failure, Kind};
use crate::config::{MailServer, Tls};
use crate::mail::message::Composed;

/// A mail server, and what is needed to speak to it.
pub(in crate::mail) struct Smtp {
    server: MailServer,
    hello: ClientId,
    tls: Option<TlsParameters>,
}

/// The conversation with it.
pub(in crate::mail) struct Line<'a> {
    smtp: &'a Smtp,
    /// How long one step may take.
    patience: Duration,
    connection: Option<AsyncSmtpConnection>,
}

/// A step of the conversation, as the reason of a failure names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Content,
}

/// The server is about to close the connection.
const CLOSING: &str = "421";

impl Smtp {
    pub fn new(server: MailServer, sender: &str) -> Result<Self, Error> {
        let tls = match server.tls {
            Tls::None => None,
            Tls::Required | Tls::Implicit => Some(TlsParameters::new(server.host.clone())?),
        };
        Ok(Self { server, hello: ClientId::Domain(sender.to_owned()), tls })
    }

    pub fn line(&self, patience: Duration) -> Line<'_> {
        Line { smtp: self, patience, connection: None }
    }
}

impl Line<'_> {
    /// Sends one mail. A connection is kept for the next as long as it is sound.
    pub async fn send(&mut self, mail: &Composed) -> Result<(), Failure> {
        if let Some(mut used) = self.connection.take() {
            // Servers close what has been open for long. Nothing was said of this mail yet.
            if self.step(Step::Mail, used.command(Mail::new(Some(mail.from.clone()), vec![]))).await.is_ok() {
                return self.go_on(used, mail).await;
            }
        }
        let mut fresh = self.connect().await?;
        let said = self.step(Step::Mail, fresh.command(Mail::new(Some(mail.from.clone()), vec![]))).await;
        match said {
            Ok(()) => self.go_on(fresh, mail).await,
            Err(failure) => Err(failure),
        }
    }

    /// What follows the sender: recipient and content.
    async fn go_on(&mut self, mut connection: AsyncSmtpConnection, mail: &Composed) -> Result<(), Failure> {
        let sent = self.hand_over(&mut connection, mail).await;
        let is_sound = match &sent {
            Ok(()) => true,
            Err(failure) if failure.kind == Kind::Lost => false,
            // The refused mail is put aside, so that the next begins anew.
            Err(_) => self.step(Step::Mail, connection.command(Rset)).await.is_ok(),
        };
        self.connection = is_sound.then_some(connection);
        sent
    }

    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, mail: &Composed) -> Result<(), Failure> {
        self.step(Step::Rcpt, connection.command(Rcpt::new(mail.to.clone(), vec![]))).await?;
        self.step(Step::Data, connection.command(Data)).await?;
        self.step(Step::Content, connection.message(&mail.bytes)).await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let Smtp { server, hello, tls } = self.smtp;
        let at_once = tls.clone().filter(|_| server.tls == Tls::Implicit);
        let address = (server.host.as_str(), server.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.patience), hello, at_once, None);
        let mut connection = self.value(Step::Connect, connecting).await?;
        if let (Tls::Required, Some(tls)) = (server.tls, tls.clone()) {
            if !connection.can_starttls() {
                return Err(Failure::new(Kind::Lost, "STARTTLS: the server does not offer it"));
            }
            self.value(Step::StartTls, connection.starttls(tls, hello)).await?;
        }
        if let Some(credentials) = &server.credentials {
            let credentials = Credentials::new(credentials.user.clone(), credentials.password().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            self.step(Step::Auth, connection.auth(&mechanisms, &credentials)).await?;
        }
        Ok(connection)
    }

    async fn step<T>(&self, step: Step, said: impl Future<Output = Result<T, Error>>) -> Result<(), Failure> {
        self.value(step, said).await.map(drop)
    }

    async fn value<T>(&self, step: Step, said: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.patience, said).await {
            Ok(answer) => answer.map_err(|error| failure(step, &error)),
            Err(_) => Err(Failure::new(Kind::Lost, format!("{}: no answer in time", step.name()))),
        }
    }

    /// Takes leave, if there is anyone to take leave of.
    pub async fn close(mut self) {
        if let Some(mut connection) = self.connection.take() {
            _ = tokio::time::timeout(self.patience.min(Duration::from_secs(2)), connection.quit()).await;
        }
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::Content => "end of DATA",
        }
    }

    /// Whether a refusal here is about the one mail. Earlier ones are about us and the server.
    fn concerns_the_mail(self) -> bool {
        matches!(self, Self::Rcpt | Self::Data | Self::Content)
    }
}

fn failure(step: Step, error: &Error) -> Failure {
    let Some(code) = error.status().map(|code| code.to_string()) else {
        // What broke before any address was spoken can be told: it is about names and certificates.
        let what = match step {
            Step::Connect | Step::StartTls => one_line(&error.to_string()),
            _ => "the connection was lost".to_owned(),
        };
        return Failure::new(Kind::Lost, format!("{}: {what}", step.name()));
    };
    let kind = match step.concerns_the_mail() && code != CLOSING {
        true if error.is_permanent() => Kind::Refused,
        true => Kind::Passing,
        false => Kind::Lost,
    };
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let status = said.split_whitespace().next().filter(|word| is_enhanced(word)).unwrap_or_default();
    Failure::new(kind, format!("{}: {code} {status}", step.name()).trim_end().to_owned())
}

/// An enhanced status code (RFC 3463): the only word of an answer that is no free text.
fn is_enhanced(word: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    word.split('.').count() == 3 && word.split('.').all(is_number)
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests;
