//! The reading half of the store without a client: objects in as the API server sends them, the index out.

use serde_json::Value;

use super::object::{Event, Kind, Object};
use super::state::State;
use super::wire::read;
use crate::index::{Index, Sweep};

/// Takes in what a watch would.
pub(crate) struct Reader {
    state: State,
    pub(crate) index: Index,
}

impl Default for Reader {
    fn default() -> Self {
        let mut state = State::default();
        let index = Index::new(state.contents());
        Self { state, index }
    }
}

impl Reader {
    pub(crate) fn apply(&mut self, kind: &str, object: Value) {
        self.take_in(Event::Applied(made_out(kind_of(kind), object)));
    }

    pub(crate) fn forget(&mut self, kind: &str, object: Value) {
        let kind = kind_of(kind);
        self.take_in(Event::Gone(kind, made_out(kind, object).name));
    }

    pub(crate) fn list(&mut self, kind: &str, objects: Vec<Value>) {
        let kind = kind_of(kind);
        let mut objects: Vec<Object> =
            objects.into_iter().map(|object| made_out(kind, object)).collect();
        objects.iter_mut().for_each(|object| self.state.compact(object));
        self.take_in(Event::Listed(kind, objects));
    }

    fn take_in(&mut self, event: Event) {
        self.index.apply(&self.state.apply(event));
        while self.index.sweep() == Sweep::More {}
    }
}

fn kind_of(kind: &str) -> Kind {
    match kind {
        "Group" => Kind::Group,
        "Membership" => Kind::Membership,
        _ => Kind::User,
    }
}

fn made_out(kind: Kind, object: Value) -> Object {
    read(kind, serde_json::from_value(object).unwrap())
}
