//! What a feature holds about a person, read page by page: however much it is, a page of it is in memory.

use futures_util::stream::{BoxStream, StreamExt, try_unfold};
use serde::Serialize;

use super::Problem;
use super::code::Code;
use crate::base::id::UserId;

/// A list of the document in which somebody gets what is held about them.
pub struct Holding<S> {
    /// The member of the document.
    pub name: &'static str,
    read: Box<dyn Fn(S, UserId) -> Pages + Send + Sync>,
}

/// A list as JSON, a page at a time: items with commas between them. No page is empty.
pub type Pages = BoxStream<'static, Result<Vec<u8>, Problem>>;

/// How many items are asked for at once.
const ITEMS: i64 = 100;

impl<S: Clone + Send + 'static> Holding<S> {
    /// `page(state, user, after, limit)` finds the items after a place, `limit` at most, each with its own
    /// place. It is asked again, with the last place, until it finds none.
    pub fn new<Page, F, Place, T>(name: &'static str, page: Page) -> Self
    where
        Page: Fn(S, UserId, Option<Place>, i64) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Vec<(Place, T)>, Problem>> + Send + 'static,
        Place: Send + 'static,
        T: Serialize,
    {
        let read = move |state: S, user| {
            let next = move |after: Option<Place>| {
                let found = page(state.clone(), user, after, ITEMS);
                async move {
                    let (json, last) = written(found.await?)?;
                    Ok(last.map(|last| (json, Some(last))))
                }
            };
            try_unfold(None, next).boxed()
        };
        Self { name, read: Box::new(read) }
    }

    /// Nothing is read until the stream is, and no connection is held between two pages.
    pub fn read(&self, state: S, user: UserId) -> Pages {
        (self.read)(state, user)
    }
}

/// A page as JSON, and the place after which the next one begins; there is none where there are no items.
fn written<Place, T: Serialize>(items: Vec<(Place, T)>) -> Result<(Vec<u8>, Option<Place>), Problem> {
    let (mut json, mut last) = (Vec::new(), None);
    for (place, item) in items {
        if last.is_some() {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, &item)
            .map_err(|error| Problem::new(Code::INTERNAL_ERROR).caused_by(error))?;
        last = Some(place);
    }
    Ok((json, last))
}
