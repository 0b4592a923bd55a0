//! Device tokens: proof that this device signed in to this account before.
//!
//! They open nothing by themselves; they give the device a budget of guesses of its own, so that
//! strangers who guess at an account never keep its owner out. A token speaks for one password: with
//! the next it is void, or whoever knew the old one would keep a budget to guess the new one.

use std::time::Duration;

use subtle::ConstantTimeEq;

use super::signed::{self, Signed};
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::base::keyring::{KeyId, Keyring, NoKey};

crate::id_type!(
    /// A device that an account was signed in from.
    DeviceId
);

const PREFIX: &str = "dt_";
/// Every sign-in and every refresh gives a new one: a device that stayed away for a year is a stranger.
pub const LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How much of the tag that binds a token to its password is kept; the token's own tag protects it.
const BINDING: usize = 16;

/// The token for `device` of `user`, whose password has the hash `stored`.
pub fn issue(
    ring: &Keyring,
    user: UserId,
    device: DeviceId,
    stored: &str,
    now: Timestamp,
) -> Result<String, NoKey> {
    let key = ring.newest()?;
    let payload = [
        user.0.as_bytes().as_slice(),
        device.0.as_bytes(),
        &now.micros().to_be_bytes(),
        &binding(ring, key, user, stored)?,
    ];
    signed::encode(ring, key, PREFIX, &payload.concat())
}

/// The device that `token` names, if it is a genuine token for `user` and the password with the hash
/// `stored`, and not too old.
pub fn read(ring: &Keyring, user: UserId, stored: &str, token: &str, now: Timestamp) -> Option<DeviceId> {
    let Signed { payload, key } = signed::decode(ring, PREFIX, token)?;
    let (owner, rest) = payload.split_at_checked(16)?;
    let (device, rest) = rest.split_at_checked(16)?;
    let (issued, bound) = rest.split_at_checked(8)?;
    let issued = Timestamp::from_micros(i64::from_be_bytes(issued.try_into().ok()?))?;
    let device = uuid::Uuid::from_slice(device).ok()?;
    let is_bound = bool::from(binding(ring, key, user, stored).ok()?.ct_eq(bound));
    (owner == user.0.as_bytes() && is_bound && now.since(issued) < LIFE).then_some(DeviceId(device))
}

fn binding(ring: &Keyring, key: KeyId, user: UserId, stored: &str) -> Result<[u8; BINDING], NoKey> {
    let tag = ring.tag(key, &[b"password".as_slice(), user.0.as_bytes(), stored.as_bytes()].concat())?;
    let mut start = [0; BINDING];
    start.copy_from_slice(&tag[..BINDING]);
    Ok(start)
}

#[cfg(test)]
mod tests {
    use secrecy::zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_token_is_for_one_account_one_password_and_one_year() {
        let ring = Keyring::default();
        ring.replace(vec![(KeyId(uuid::Uuid::from_u128(1)), Zeroizing::new([5; 32]))]);
        let [ada, eve] = [2, 3].map(|id| UserId(uuid::Uuid::from_u128(id)));
        let device = DeviceId(uuid::Uuid::from_u128(4));
        let now = Timestamp::from_micros(1_000_000_000_000_000).unwrap();
        let token = issue(&ring, ada, device, "hash", now).unwrap();
        assert_eq!(read(&ring, ada, "hash", &token, now), Some(device));
        assert_eq!(read(&ring, eve, "hash", &token, now), None);
        assert_eq!(read(&ring, ada, "another", &token, now), None);
        let last = now.plus(LIFE - Duration::from_secs(1));
        assert_eq!(read(&ring, ada, "hash", &token, last), Some(device));
        assert_eq!(read(&ring, ada, "hash", &token, now.plus(LIFE)), None);
    }
}
