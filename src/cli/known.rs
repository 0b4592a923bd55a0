//! An account, as people at the terminal name it.

use std::fmt;
use std::str::FromStr;

use crate::base::email::Email;
use crate::base::id::UserId;
use crate::features::users::error::UsersError;
use crate::features::users::service::Users;

/// What an account is known by.
#[derive(Clone, Debug)]
pub enum Known {
    Id(UserId),
    Email(Email),
}

impl Known {
    /// Its id. Whether there is an account of this id turns out where it is used.
    pub async fn id(&self, users: &Users) -> Result<UserId, UsersError> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Email(email) => users.find_by_email(email).await.map(|account| account.base.id),
        }
    }
}

impl FromStr for Known {
    type Err = <Email as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::Email))
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}
