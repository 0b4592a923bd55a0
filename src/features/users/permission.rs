//! What one may be permitted to do with accounts.

use crate::permission;

permission!(pub ReadUsers = "users:read", "See every account");
