//! What a pod is started from, as the layer above wrote it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// JSON that the layer above writes and reads, and the store only keeps.
///
/// It stays text until somebody reads it: a listing of a fleet carries the specs of all its pods,
/// each with all that its agent is told, and few readers look into them. Two are equal if their
/// texts are. Its `Debug` form tells its length alone, since it holds the agent's environment.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecText(Box<RawValue>);

impl SpecText {
    /// Writes a spec down.
    ///
    /// # Errors
    /// Fails if its type cannot be written as JSON, such as a map whose keys are no texts.
    pub fn of(spec: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(spec).map(Self)
    }

    /// Reads it as the type that it was written from, or as a part of that.
    ///
    /// # Errors
    /// Fails if it is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }
}

impl PartialEq for SpecText {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for SpecText {}

impl fmt::Debug for SpecText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpecText({} bytes)", self.0.get().len())
    }
}
