//! The blueprint of a feature: its routes with their documents, and what each needs of its caller.
//!
//! What an operation needs is read off the types of its handler's arguments, so the document cannot
//! say one thing and the server do another.

use axum::extract::{OriginalUri, State};
use axum::handler::Handler;
use serde::Serialize;
use utoipa_axum::router::UtoipaMethodRouter;

use super::Problem;
use super::code::Code;
use super::extract::{ClientAddress, Json, Path, Query, UserAgent};
use super::holding::Holding;
use crate::base::id::UserId;
use crate::base::language::Language;

/// What an operation needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Any signed-in user.
    Caller,
    Permission(&'static str),
}

/// What one argument of a handler says about the operation. Every extractor implements it.
pub trait Argument {
    const NEEDS: Needs = Needs::Nothing;
    /// The errors with which this argument can end a request.
    const ERRORS: &'static [Code] = &[];
    /// The header that this argument reads, where clients have to know of it.
    const HEADER: Option<RequestHeader> = None;
}

/// A header that a request may carry.
#[derive(Clone, Copy, Debug)]
pub struct RequestHeader {
    pub name: &'static str,
    pub description: &'static str,
    /// Where a value of another form is refused.
    pub form: Option<Form>,
}

/// What the value of a header must look like.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// A regular expression (ECMA-262).
    pub pattern: &'static str,
    pub max_length: usize,
}

impl<T> Argument for State<T> {}
impl Argument for OriginalUri {}
impl Argument for Language {}
impl Argument for ClientAddress {}
impl Argument for UserAgent {}

impl<T> Argument for Json<T> {
    const ERRORS: &'static [Code] = &[
        Code::MALFORMED_JSON,
        Code::REQUEST_TIMEOUT,
        Code::PAYLOAD_TOO_LARGE,
        Code::UNSUPPORTED_MEDIA_TYPE,
        Code::VALIDATION_FAILED,
        Code::UNKNOWN_FIELD,
    ];
}

impl<T> Argument for Path<T> {
    const ERRORS: &'static [Code] = &[Code::NOT_FOUND];
}

impl<T> Argument for Query<T> {
    const ERRORS: &'static [Code] = &[Code::INVALID_QUERY];
}

/// All arguments of a handler, as axum's `Handler` has them in its type.
pub trait Arguments {
    fn facts() -> Facts;
}

/// What the arguments of a handler say together.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub needs: Vec<Needs>,
    pub errors: Vec<Code>,
    pub headers: Vec<RequestHeader>,
}

impl Facts {
    fn of<A: Argument>(mut self) -> Self {
        if A::NEEDS != Needs::Nothing {
            self.needs.push(A::NEEDS);
        }
        self.errors.extend(A::ERRORS);
        self.headers.extend(A::HEADER);
        self
    }
}

impl Arguments for ((),) {
    fn facts() -> Facts {
        Facts::default()
    }
}

macro_rules! arguments {
    ($($argument:ident)+) => {
        impl<M, $($argument: Argument),+> Arguments for (M, $($argument,)+) {
            fn facts() -> Facts {
                Facts::default()$(.of::<$argument>())+
            }
        }
    };
}

arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);

/// A handler with its document and what its arguments say.
pub struct Route<S> {
    pub(super) documented: UtoipaMethodRouter<S>,
    pub(super) facts: Facts,
}

/// Pairs a documented handler with the facts of its signature. [`routes!`](crate::routes) calls it.
pub fn route<S, H, T>(documented: UtoipaMethodRouter<S>, _handler: H) -> Route<S>
where
    H: Handler<T, S>,
    T: Arguments,
{
    Route { documented, facts: T::facts() }
}

/// The routes of the named handlers: `routes![list_notes, create_note]`.
#[macro_export]
macro_rules! routes {
    ($($($segment:ident)::+),+ $(,)?) => {
        vec![$($crate::http::feature::route(utoipa_axum::routes!($($segment)::+), $($segment)::+)),+]
    };
}

/// A permission as roles hold it and documents show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// `subject:verb`.
    pub name: &'static str,
    pub description: &'static str,
}

/// Where a feature's paths begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// Under `/api/v1`.
    Api,
    /// At the root, for what no API version changes.
    Root,
}

/// A feature's face: what it is called, what it serves, what one may be permitted in it.
pub struct Feature<S> {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) mount: Mount,
    pub(super) routes: Vec<Route<S>>,
    permissions: Vec<Declared>,
    pub holdings: Vec<Holding<S>>,
    /// Whether its public routes draw on the budget of the caller's network.
    pub(super) is_limited: bool,
}

impl<S> Feature<S> {
    /// `name` is its tag in the documents.
    pub fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            mount: Mount::Api,
            routes: Vec::new(),
            permissions: Vec::new(),
            holdings: Vec::new(),
            is_limited: false,
        }
    }

    pub fn at_root(mut self) -> Self {
        self.mount = Mount::Root;
        self
    }

    /// Whoever needs no token for its routes may call them only so often from one network.
    pub fn limited(mut self) -> Self {
        self.is_limited = true;
        self
    }

    pub fn routes(mut self, routes: Vec<Route<S>>) -> Self {
        self.routes.extend(routes);
        self
    }

    pub fn permissions(mut self, declared: &[Declared]) -> Self {
        self.permissions.extend(declared);
        self
    }

    /// What it holds about a person, called `name` in their export: `page(state, user, after, limit)` finds
    /// the items after a place, `limit` at most, each with its own place. The purge takes it by itself, where
    /// its rows refer to the account and go with it.
    pub fn holds<Page, F, Place, T>(mut self, name: &'static str, page: Page) -> Self
    where
        S: Clone + Send + 'static,
        Page: Fn(S, UserId, Option<Place>, i64) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Vec<(Place, T)>, Problem>> + Send + 'static,
        Place: Send + 'static,
        T: Serialize,
    {
        self.holdings.push(Holding::new(name, page));
        self
    }

    pub fn declared(&self) -> &[Declared] {
        &self.permissions
    }
}
