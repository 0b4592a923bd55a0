//! What a client knows of an account: all that was acknowledged, and the one act that may have happened.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use crate::drill::client::{Answer, Call};
use crate::drill::people::{Tokens, login, refresh, registration};

/// Something that is done to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Register,
    Login,
    Refresh,
    Logout,
    /// To this password.
    Change(String),
    /// Whether the account is an admin from now on.
    Roles(bool),
    Suspend,
    Activate,
}

#[derive(Clone)]
pub struct Life {
    pub email: String,
    /// Empty until an answer told it.
    pub id: String,
    /// As acknowledged, the newest last.
    pub passwords: Vec<String>,
    pub session: Option<Tokens>,
    /// Of sessions that are over.
    pub ended: Vec<Tokens>,
    pub is_admin: bool,
    pub suspended: bool,
    /// How often the audit log must have each action.
    pub audit: BTreeMap<&'static str, u64>,
    /// Sent, and not answered when the server was killed.
    pub open: Option<Act>,
}

impl Life {
    pub fn new(email: String, password: String) -> Self {
        Self {
            email,
            id: String::new(),
            passwords: vec![password],
            session: None,
            ended: Vec::new(),
            is_admin: false,
            suspended: false,
            audit: BTreeMap::new(),
            open: None,
        }
    }

    pub fn password(&self) -> &str {
        self.passwords.last().map_or("", String::as_str)
    }

    /// The request that does it; some are done by an admin.
    pub fn call(&self, act: &Act, admin: &str) -> Call {
        let (access, newest) =
            self.session.as_ref().map_or(("", ""), |session| (&session.access, &session.refresh));
        let path = format!("users/{}", self.id);
        match act {
            Act::Register => registration(&self.email, self.password()),
            Act::Login => login(&self.email, self.password()),
            Act::Refresh => refresh(newest),
            Act::Logout => Call::post("auth/logout").by(access),
            Act::Change(new) => Call::post("auth/password/change")
                .by(access)
                .with(json!({ "current_password": self.password(), "new_password": new })),
            Act::Roles(is_admin) => {
                let role = if *is_admin { "admin" } else { "user" };
                Call::put(&format!("{path}/roles")).by(admin).with(json!({ "roles": [role] }))
            }
            Act::Suspend => Call::post(&format!("{path}/suspend")).by(admin),
            Act::Activate => Call::post(&format!("{path}/activate")).by(admin),
        }
    }

    /// Notes that it was done.
    pub fn acknowledge(&mut self, act: Act, answer: &Answer) -> Result<()> {
        if let Some(action) = act.audited() {
            *self.audit.entry(action).or_default() += 1;
        }
        match act {
            Act::Register => self.id = answer.text("id")?,
            Act::Login | Act::Refresh => self.session = Some(Tokens::of(answer)?),
            Act::Logout => self.end(),
            Act::Change(new) => self.passwords.push(new),
            Act::Roles(is_admin) => self.is_admin = is_admin,
            Act::Suspend => {
                self.suspended = true;
                self.end();
            }
            Act::Activate => self.suspended = false,
        }
        Ok(())
    }

    pub fn end(&mut self) {
        self.ended.extend(self.session.take());
    }
}

impl Act {
    /// What the server answers when it is done.
    pub fn status(&self) -> u16 {
        match self {
            Self::Register => 201,
            Self::Logout | Self::Change(_) => 204,
            _ => 200,
        }
    }

    /// What the audit log calls it. A refresh is no event.
    pub fn audited(&self) -> Option<&'static str> {
        Some(match self {
            Self::Register => "registered",
            Self::Login => "logged_in",
            Self::Refresh => return None,
            Self::Logout => "logged_out",
            Self::Change(_) => "password_changed",
            Self::Roles(_) => "roles_changed",
            Self::Suspend => "user_suspended",
            Self::Activate => "user_activated",
        })
    }
}
