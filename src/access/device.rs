//! Device tokens: proof that this device signed in to this account before.
//!
//! They open nothing by themselves; they give the device a budget of guesses of its own, so that
//! strangers who guess at an account never keep its owner out.

use super::signed::{self, Signed};
use crate::base::id::UserId;
use crate::base::keyring::{Keyring, NoKey};

crate::id_type!(
    /// A device that an account was signed in from.
    DeviceId
);

const PREFIX: &str = "dt_";

/// The token for `device` of `user`.
pub fn issue(ring: &Keyring, user: UserId, device: DeviceId) -> Result<String, NoKey> {
    signed::encode(
        ring,
        ring.newest()?,
        PREFIX,
        &[user.0.as_bytes().as_slice(), device.0.as_bytes()].concat(),
    )
}

/// The device that `token` names, if it is a genuine token for `user`.
pub fn read(ring: &Keyring, user: UserId, token: &str) -> Option<DeviceId> {
    let Signed { payload, .. } = signed::decode(ring, PREFIX, token)?;
    let (owner, device) = payload.split_at_checked(16)?;
    let device = uuid::Uuid::from_slice(device).ok()?;
    (owner == user.0.as_bytes()).then_some(DeviceId(device))
}
