//! What the audit log may say.

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($Action:ident = $name:tt,)+) => {
        /// What happened. Names are stable: they are stored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
        #[sqlx(type_name = "text")]
        pub enum Action {
            $(#[serde(rename = $name)] #[sqlx(rename = $name)] $Action,)+
        }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$Action),+];

            /// As it is stored and shown.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Action => $name,)+
                }
            }
        }
    };
}

actions! {
    Registered = "registered",
    EmailVerified = "email_verified",
    LoggedIn = "logged_in",
    LoginFailed = "login_failed",
    LoggedOut = "logged_out",
    SessionEnded = "session_ended",
    AllSessionsEnded = "all_sessions_ended",
    RefreshTokenReused = "refresh_token_reused",
    PasswordChanged = "password_changed",
    PasswordResetRequested = "password_reset_requested",
    PasswordReset = "password_reset",
    EmailChangeRequested = "email_change_requested",
    EmailChanged = "email_changed",
    EmailChangeCancelled = "email_change_cancelled",
    InvitationAccepted = "invitation_accepted",
    UserCreated = "user_created",
    UserUpdated = "user_updated",
    UserSuspended = "user_suspended",
    UserActivated = "user_activated",
    UserDeleted = "user_deleted",
    UserRestored = "user_restored",
    UserPurged = "user_purged",
    UsersExported = "users_exported",
    RolesChanged = "roles_changed",
    RoleCreated = "role_created",
    RoleUpdated = "role_updated",
    RoleDeleted = "role_deleted",
    KeyRotated = "key_rotated",
    KeyRevoked = "key_revoked",
    KeysRewrapped = "keys_rewrapped",
}
