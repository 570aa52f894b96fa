//! An agent that is to be added.

use serde_json::Value;

use crate::name::AgentName;

/// An agent that is to be added to a roster.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAgent {
    name: AgentName,
    runtime: String,
    more: Vec<(&'static str, Value)>,
}

impl NewAgent {
    /// Makes an agent that says nothing but what it has to.
    #[must_use]
    pub fn new(name: AgentName, runtime: impl Into<String>) -> Self {
        Self {
            name,
            runtime: runtime.into(),
            more: Vec::new(),
        }
    }

    /// Gives it a class.
    #[must_use]
    pub fn with_class(self, class: impl Into<String>) -> Self {
        self.with("class", class.into())
    }

    /// Gives it a model.
    #[must_use]
    pub fn with_model_hint(self, model: impl Into<String>) -> Self {
        self.with("model_hint", model.into())
    }

    fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.more.retain(|(other, _)| *other != key);
        self.more.push((key, value.into()));
        self
    }

    /// Returns its name.
    #[must_use]
    pub const fn name(&self) -> &AgentName {
        &self.name
    }

    /// The fields, in the order in which they are written.
    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let own = [
            ("name", Value::from(self.name.as_str())),
            ("runtime", Value::from(self.runtime.as_str())),
        ];
        let fields = own.into_iter().chain(self.more.iter().cloned());
        fields.map(|(key, value)| (key.to_owned(), value)).collect()
    }
}
