//! Where a request comes from, as far as is known.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::extract::{ClientAddress, RequestId, UserAgent};
use crate::http::feature::Argument;

/// The caller's address and program, for sessions and the audit log. A command at the terminal has
/// none of it.
#[derive(Clone, Debug)]
pub struct Origin {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
}

impl Origin {
    pub const TERMINAL: Self = Self { ip: None, user_agent: None, request_id: None };
}

impl<S: Sync + Send> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ClientAddress(ip) = ClientAddress::from_request_parts(parts, state).await?;
        let UserAgent(user_agent) = UserAgent::from_request_parts(parts, state).await?;
        let request_id = RequestId::from_request_parts(parts, state).await?;
        Ok(Self {
            ip: Some(ip),
            user_agent: Some(user_agent).filter(|text| !text.is_empty()),
            request_id: Some(request_id.as_str().to_owned()),
        })
    }
}

impl Argument for Origin {}
