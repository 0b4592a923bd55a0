//! What one may be permitted to do with accounts.

use crate::permission;

permission!(pub ReadUsers = "users:read", "See every account");
permission!(pub WriteUsers = "users:write", "Make, change, suspend and restore accounts, and end their sessions");
permission!(pub DeleteUsers = "users:delete", "Delete accounts");
permission!(pub AssignRoles = "roles:assign", "Give roles to accounts and take them away");
