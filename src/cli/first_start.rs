//! What a first start in dev makes by itself: the secret key, the schema, an admin.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::failure::Failure;
use crate::access::permission::ADMIN;
use crate::access::principal::{Actor, Status};
use crate::app::App;
use crate::base::random::Random;
use crate::base::secret::{Password, SecretKey};
use crate::config::Config;
use crate::db::migrate::Migrator;
use crate::features::users::service::{NewUser, Users};

const SECRET_FILE: &str = "data/secret_key";
const ADMIN_EMAIL: &str = "admin@example.com";

/// Gives a configuration of dev or testing the secret key that it does not name: made once, kept in
/// `data/`.
pub fn complete(config: &mut Config) -> Result<(), Failure> {
    if !config.environment.is_guarded() && config.secret_key.is_none() {
        let path = Path::new(SECRET_FILE);
        config.secret_key = Some(secret_key(path).map_err(|e| format!("{SECRET_FILE}: {e}"))?);
    }
    Ok(())
}

fn secret_key(path: &Path) -> io::Result<SecretKey> {
    let read = || SecretKey::from_base64(&fs::read_to_string(path)?).map_err(io::Error::other);
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    // Written beside and linked into place: of two that start together, both read the same whole key.
    let draft = path.with_extension(std::process::id().to_string());
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(SecretKey::from_bytes(Random::system().bytes()).to_base64().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read(),
    }
}

/// Brings the schema of a dev database up to date.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let url = config.database.migrate_url.as_ref().unwrap_or(&config.database.url);
    let mut migrator = Migrator::connect(url.expose(), Default::default()).await?;
    migrator.up(|name| tracing::info!(migration = name, "applying")).await?;
    Ok(())
}

/// Makes the first admin of a dev database; returns address and password, to be shown once.
pub async fn admin(app: &App, users: &Users) -> Result<Option<(&'static str, String)>, Failure> {
    if users.admins(Status::Active).await? > 0 {
        return Ok(None);
    }
    let password = URL_SAFE_NO_PAD.encode(app.state.random.bytes::<15>());
    let new = NewUser {
        email: ADMIN_EMAIL.parse()?,
        password: Some(Password::new(password.clone())),
        display_name: None,
        locale: None,
        roles: [ADMIN.into()].into(),
    };
    match users.create(new, Actor::OPERATOR).await {
        Ok(_) => Ok(Some((ADMIN_EMAIL, password))),
        // A twin was quicker, or the address is in use by somebody who is no admin any more.
        Err(crate::features::users::error::UsersError::EmailTaken) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
