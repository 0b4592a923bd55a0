//! `stead keys`: look at the keys, rotate, revoke and wrap them anew.

use clap::Subcommand;
use serde_json::json;

use super::context::{block_on, print, print_json};
use super::failure::Failure;
use super::first_start;
use crate::access::keys::Purpose;
use crate::access::keys::lifecycle::{KeyInfo, Lifecycle, Revoked};
use crate::app;
use crate::base::clock::Clock;
use crate::base::keyring::KeyId;
use crate::base::random::Random;
use crate::config::Config;
use crate::db::migrate;

#[derive(Subcommand)]
pub enum Keys {
    /// List all keys, by purpose, newest first; never the keys themselves
    ///
    /// published: every server knows it, and it makes nothing yet. active: it makes what it is for.
    /// accepted: it makes nothing any more, what it made is good. retired: nothing that it made can be
    /// good any more. revoked: nothing that it made is accepted.
    #[command(after_help = "Example: stead keys list --json")]
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Make a new key; nobody is signed out
    ///
    /// It is published at once, and in use a minute later. What the key before it made stays good until
    /// it expires by itself.
    #[command(after_help = "Example: stead keys rotate --purpose refresh")]
    Rotate {
        /// signing, refresh, device, cursor or outbox
        #[arg(long, default_value = "signing", value_parser = rotatable)]
        purpose: Purpose,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// End a key that has leaked, within a second
    ///
    /// Nothing that it made is accepted any more: access tokens until they are refreshed (signing),
    /// sessions until the next sign-in (refresh), known devices (device), pages of lists under way
    /// (cursor), mails that wait to be sent (outbox). Where it was the key in use, a new one is at once.
    #[command(after_help = "Example: stead keys revoke 01981f3c6d7a7c4e9b513a52c7e1b0aa")]
    Revoke {
        /// The key's name, from `stead keys list`
        #[arg(value_name = "KID", value_parser = name)]
        kid: KeyId,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Wrap all keys under APP_SECRET_KEY, all or none
    ///
    /// To change the secret: give every server the new one as APP_SECRET_KEY and the old one as
    /// APP_SECRET_KEY_PREVIOUS, run this with the same two, then take the old one away.
    #[command(after_help = "Example: stead keys rewrap")]
    Rewrap {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

impl Keys {
    pub fn run(self, mut config: Config) -> Result<(), Failure> {
        first_start::complete(&mut config)?;
        block_on(async {
            let (clock, random) = (Clock::system(), Random::system());
            let db = app::open_database(&config, clock.clone()).await?;
            if let Some(refusal) = migrate::plan(&db).await?.refusal() {
                return Err(refusal.into());
            }
            let secrets: Vec<_> =
                [&config.secret_key, &config.secret_key_previous].into_iter().flatten().collect();
            let outcome = self.act(&Lifecycle::new(db.clone(), clock, random, &secrets, &config.auth)).await;
            db.close().await;
            outcome
        })
    }

    async fn act(self, keys: &Lifecycle) -> Result<(), Failure> {
        match self {
            Self::List { json } => {
                let all = keys.list().await?;
                if json { print_json(&all) } else { all.iter().try_for_each(line) }
            }
            Self::Rotate { purpose, json } => {
                let made = keys.rotate(purpose).await?;
                if json {
                    return print_json(&made);
                }
                print(format_args!("{} is published, and in use from {}", made.kid, made.signs_at))
            }
            Self::Revoke { kid, json } => {
                let done = keys.revoke(kid).await?;
                if json { print_json(&done) } else { revoked(&done) }
            }
            Self::Rewrap { json } => {
                let count = keys.rewrap().await?;
                if json {
                    return print_json(&json!({ "rewrapped": count }));
                }
                print(format_args!("{count} keys are wrapped under APP_SECRET_KEY"))
            }
        }
    }
}

fn name(kid: &str) -> Result<KeyId, String> {
    kid.parse().map_err(|_| "it is the name of a key, as `stead keys list` shows it".into())
}

/// Wrong use is told before anything is opened.
fn rotatable(text: &str) -> Result<Purpose, String> {
    match Purpose::ALL.into_iter().find(|purpose| purpose.name() == text) {
        Some(Purpose::Lookup) => Err("keys for lookups stay: rows are found by tags that were made with \
                                      them, and nobody could find them again under another key"
            .into()),
        Some(purpose) => Ok(purpose),
        None => Err("it is one of signing, refresh, device, cursor, outbox".into()),
    }
}

fn line(key: &KeyInfo) -> Result<(), Failure> {
    let state = format!("{:?}", key.state).to_lowercase();
    let until = match (key.revoked_at, key.retires_at) {
        (Some(at), _) => format!("  revoked at {at}"),
        (None, Some(at)) => format!("  retires at {at}"),
        (None, None) => String::new(),
    };
    print(format_args!(
        "{}  {:<8} {state:<9}  signs from {}{until}",
        key.kid,
        key.purpose.name(),
        key.signs_at
    ))
}

fn revoked(done: &Revoked) -> Result<(), Failure> {
    print(format_args!("{} is revoked: nothing that it made is accepted any more", done.revoked.kid))?;
    match &done.replacement {
        Some(next) => print(format_args!("{} is in use from now on", next.kid)),
        None => Ok(()),
    }
}
