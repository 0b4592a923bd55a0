//! `stead fake`: people who do not exist, for dev and testing.

mod broken;
mod people;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use axum::extract::FromRef;
use clap::Subcommand;

use self::broken::Lines;
use self::people::People;
use super::context::{block_on, open, print, print_json};
use super::failure::Failure;
use super::user::import::{format_of, take_in};
use crate::access::hasher::Hasher;
use crate::base::random::Random;
use crate::base::secret::Password;
use crate::config::Config;
use crate::features::users::service::Users;
use crate::features::users::transfer::Format;
use crate::features::users::transfer::import::{Import, Way};
use crate::features::users::transfer::source::{Source, Unreadable};

/// Everybody's. One hash is computed, once, for all of them: for people who do not exist that is enough.
const PASSWORD: &str = "correct horse battery staple";

#[derive(Subcommand)]
pub enum Fake {
    /// Make people who do not exist, with names in several scripts; in dev and testing only
    ///
    /// The same seed makes the same people. All of them have the password `correct horse battery staple`, and
    /// one and the same hash of it.
    #[command(
        after_help = "Example: stead fake users 1000 --seed 7\n\nAs a file, with lines that an import has to refuse:\nstead fake users 1000 --output people.ndjson --broken 10"
    )]
    Users {
        /// How many
        #[arg(value_name = "N")]
        people: u64,
        /// Another seed makes other people
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Write them into this file, csv or ndjson by its name, and not into the database
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Put so many broken lines among them, and say which
        #[arg(long, value_name = "K", requires = "output", default_value_t = 0)]
        broken: u64,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

impl Fake {
    pub fn run(self, config: Config) -> Result<(), Failure> {
        if config.environment.is_guarded() {
            let environment = config.environment;
            return Err(
                format!("fake people are for dev and testing, and this is {environment} (APP_ENV)").into()
            );
        }
        let Self::Users { people, seed, output, broken, json } = self;
        block_on(async {
            let people = People { count: people, seed, hash: hash(&config, seed).await? };
            match output {
                Some(file) => write(people, broken, &file, json),
                None => fill(people, config, json).await,
            }
        })
    }
}

/// The one hash, the same for the same seed and settings.
async fn hash(config: &Config, seed: u64) -> Result<String, Failure> {
    let hasher = Hasher::start(&config.auth.hash, Random::seeded(seed))?;
    let hash = hasher.hash(hasher.admit()?, Password::new(PASSWORD.to_owned()), None).await?;
    hash.map_err(|_| "the password of fake people cannot be hashed".into())
}

async fn fill(people: People, config: Config, json: bool) -> Result<(), Failure> {
    let app = open(config).await?;
    let source = || -> Result<Source, Unreadable> { Ok(people.source()) };
    let import = Import { open: &source, way: Way::Good, invite: false };
    let done = take_in(&Users::from_ref(&app.state), &import, None, None, json).await;
    app.state.db.close().await;
    done
}

fn write(people: People, broken: u64, file: &Path, json: bool) -> Result<(), Failure> {
    let format = format_of(file, None)?;
    let mut out = BufWriter::new(File::create(file).map_err(|error| format!("{}: {error}", file.display()))?);
    let mut planted = Vec::new();
    let first = if format == Format::Csv { 2 } else { 1 };
    if format == Format::Csv {
        out.write_all(&broken::HEADER.join(",").into_bytes())?;
        out.write_all(b"\n")?;
    }
    for (line, (bytes, code)) in (first..).zip(Lines::new(people, broken, format)) {
        out.write_all(&bytes?)?;
        planted.extend(code.map(|code| broken::Planted { line, code }));
    }
    out.flush()?;
    if json {
        return print_json(&planted);
    }
    for broken::Planted { line, code } in planted {
        print(format_args!("line {line} is broken: {code}"))?;
    }
    Ok(())
}
