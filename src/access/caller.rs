//! The caller, in a handler's signature: [`CurrentUser`] needs one, [`Allowed`] needs a permission.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::permission::Permission;
use super::principal::Principal;
use super::{Access, AccessError};
use crate::http::code::Code;
use crate::http::extract::Recheck;
use crate::http::feature::{Argument, Needs};
use crate::http::limit::CallerBudget;
use crate::http::problem::Problem;
use crate::telemetry::subject;

/// The signed-in caller; without one the answer is 401.
///
/// `Option<CurrentUser>` means that no token was sent; a wrong one is refused all the same.
#[derive(Clone, Debug)]
pub struct CurrentUser(pub Principal);

impl Deref for CurrentUser {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

/// The signed-in caller, who holds the permission `P`; otherwise 401 or 403, before the body is read.
pub struct Allowed<P> {
    pub caller: CurrentUser,
    permission: PhantomData<P>,
}

impl<P> Deref for Allowed<P> {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.caller.0
    }
}

impl<S> FromRequestParts<S> for CurrentUser
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(parts)?.ok_or(Problem::new(Code::UNAUTHENTICATED))?;
        let access = Access::from_ref(state);
        let principal = access.authenticate(token).await?;
        if let Some(budget) = parts.extensions.get::<CallerBudget>() {
            budget.draw(principal.user)?;
        }
        subject::called_by(principal.user);
        parts.extensions.insert(recheck(access, token.to_owned(), |_| Ok(())));
        Ok(Self(principal))
    }
}

impl<S> OptionalFromRequestParts<S> for CurrentUser
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        match bearer(parts)? {
            None => Ok(None),
            Some(_) => <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some),
        }
    }
}

impl<S, P> FromRequestParts<S> for Allowed<P>
where
    Access: FromRef<S>,
    S: Send + Sync,
    P: Permission,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <CurrentUser as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        permitted::<P>(&caller)?;
        if let Some(token) = bearer(parts)?.map(str::to_owned) {
            parts.extensions.insert(recheck(Access::from_ref(state), token, permitted::<P>));
        }
        Ok(Self { caller, permission: PhantomData })
    }
}

fn permitted<P: Permission>(principal: &Principal) -> Result<(), Problem> {
    if principal.may(P::NAME) {
        return Ok(());
    }
    let challenge = format!("error=\"insufficient_scope\", scope=\"{}\"", P::NAME);
    Err(Problem::new(Code::FORBIDDEN).challenge(&challenge))
}

/// What is asked of the caller once more when their body has come.
fn recheck(access: Access, token: String, rule: fn(&Principal) -> Result<(), Problem>) -> Recheck {
    let (access, token) = (Arc::new(access), Arc::<str>::from(token));
    Recheck::new(move || {
        let (access, token) = (access.clone(), token.clone());
        async move { rule(&access.authenticate(&token).await?) }
    })
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1); the scheme's case is free.
fn bearer(parts: &Parts) -> Result<Option<&str>, Problem> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(header) = headers.next() else { return Ok(None) };
    let invalid = || Problem::new(Code::INVALID_TOKEN);
    if headers.next().is_some() {
        return Err(invalid());
    }
    let (scheme, token) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(invalid)?;
    let token = token.trim_matches(' ');
    match scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        true => Ok(Some(token)),
        false => Err(invalid()),
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Token(_) | AccessError::Over => Self::new(Code::INVALID_TOKEN).caused_by(error),
            AccessError::Less => Self::new(Code::FORBIDDEN).caused_by(error),
            AccessError::Unheard => Self::new(Code::DATABASE_UNAVAILABLE).caused_by(error),
            AccessError::Database(error) => error.into(),
        }
    }
}

impl Argument for CurrentUser {
    const NEEDS: Needs = Needs::Caller;
}

impl Argument for Option<CurrentUser> {
    const NEEDS: Needs = Needs::Nothing;
}

impl<P: Permission> Argument for Allowed<P> {
    const NEEDS: Needs = Needs::Permission(P::NAME);
}
