//! Floor 1: the values everything else is made of. Imports nothing of ours.

pub mod clock;
pub mod email;
pub mod id;
pub mod keyring;
pub mod language;
pub mod latest;
pub mod network;
pub mod random;
mod reckoning;
pub mod secret;
pub mod seldom;
pub mod service;
