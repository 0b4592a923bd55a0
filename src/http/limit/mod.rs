//! How many requests a minute: from one network on public routes, from one user on the others.
//!
//! Budgets are in memory, for each replica its own. They fill evenly (GCRA), so there is no moment at
//! which everybody comes back at once. No path is part of a key: all public routes that are limited
//! draw on one budget, so a path in another spelling, or another route, is no second budget.

mod budget;
mod fields;

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use self::budget::{Budget, Standing};
use super::extract::ClientAddress;
use super::problem::Problem;
use crate::base::clock::Clock;
use crate::base::id::UserId;
use crate::base::network::Network;

pub use self::fields::spent;

/// The budgets, or none where limits are turned off. Clones share them.
#[derive(Clone, Default)]
pub struct Limits(Option<Arc<Budgets>>);

struct Budgets {
    public: Budget<Network>,
    user: Budget<UserId>,
    refusals: OnceLock<Counter<u64>>,
}

impl Limits {
    /// Requests a minute; zero is no limit.
    pub fn new(public: u32, user: u32, clock: &Clock) -> Self {
        let quotas = NonZeroU32::new(public).zip(NonZeroU32::new(user));
        Self(quotas.map(|(public, user)| {
            Arc::new(Budgets {
                public: Budget::new("public", public, clock),
                user: Budget::new("user", user, clock),
                refusals: OnceLock::new(),
            })
        }))
    }

    /// Counts from now on who is refused.
    pub fn measure(&self, meter: &Meter) {
        if let Some(budgets) = &self.0 {
            budgets.refusals.get_or_init(|| {
                let refusals = meter.u64_counter("rate_limit.refusals").with_unit("{request}");
                let refusals =
                    refusals.with_description("Requests beyond the budget of a network or a user").build();
                // Whoever watches an increase must not miss the first.
                ["public", "user"].iter().for_each(|name| refusals.add(0, &[KeyValue::new("budget", *name)]));
                refusals
            });
        }
    }

    /// Makes a route draw on the budget of the caller's network, if it is public, and on that of the
    /// user, if there is one.
    pub fn guard<S>(&self, route: MethodRouter<S>, is_public: bool) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        match &self.0 {
            Some(budgets) => route.route_layer(from_fn_with_state((budgets.clone(), is_public), draw)),
            None => route,
        }
    }
}

impl Budgets {
    fn refused(&self, budget: &'static str) {
        if let Some(refusals) = self.refusals.get() {
            refusals.add(1, &[KeyValue::new("budget", budget)]);
        }
    }
}

async fn draw(
    State((budgets, is_public)): State<(Arc<Budgets>, bool)>,
    mut request: Request,
    next: Next,
) -> Response {
    let address: ClientAddress = request.extensions().get().copied().unwrap_or_default();
    let public = is_public.then(|| budgets.public.draw(Network::of(address.0)));
    let user = CallerBudget { budgets: budgets.clone(), standing: Arc::default() };
    let mut response = match public.as_ref().and_then(Standing::refusal) {
        Some(problem) => problem.into_response(),
        None => {
            request.extensions_mut().insert(user.clone());
            next.run(request).await
        }
    };
    if public.as_ref().is_some_and(|standing| !standing.is_granted()) {
        budgets.refused("public");
    }
    if user.standing.get().is_some_and(|standing| !standing.is_granted()) {
        budgets.refused("user");
    }
    if let Some(standing) = public {
        standing.write(&budgets.public.policy, &mut response);
    }
    if let Some(standing) = user.standing.get() {
        standing.write(&budgets.user.policy, &mut response);
    }
    response
}

/// A request extension on which whoever finds out who is calling draws.
#[derive(Clone)]
pub struct CallerBudget {
    budgets: Arc<Budgets>,
    standing: Arc<OnceLock<Standing>>,
}

impl CallerBudget {
    /// Takes one request from the budget of `user`, once for each request.
    pub fn draw(&self, user: UserId) -> Result<(), Problem> {
        let standing = self.standing.get_or_init(|| self.budgets.user.draw(user));
        standing.refusal().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[tokio::test]
    async fn who_comes_from_nowhere_is_limited_too() {
        let limits = Limits::new(2, 1, &Clock::manual(Timestamp::EPOCH));
        let route = limits.guard(axum::routing::get(|| async {}), true);
        let router = axum::Router::new().route("/", route);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let request = Request::builder().body(axum::body::Body::empty()).unwrap();
            let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            statuses.push(response.status().as_u16());
        }
        assert_eq!(statuses, [200, 200, 429]);
    }
}
