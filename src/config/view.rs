//! A thread's own copy of the settings.

use std::ops::Deref;
use std::sync::Arc;

use super::settings::Settings;
use super::store::Config;

/// Reads like [`Settings`]; [`View::refresh`] brings it up to date.
#[derive(Clone, Debug)]
pub struct View {
    config: Arc<Config>,
    generation: u64,
    settings: Arc<Settings>,
}

impl View {
    /// A view of the present settings.
    pub fn new(config: Arc<Config>) -> Self {
        let (settings, generation) = config.published();
        Self { config, generation, settings }
    }

    /// Takes over what has changed; true if anything has. One load when nothing has. A thread calls it between reading
    /// a batch of requests and running it: then a client that was told of a change sees it in force everywhere.
    pub fn refresh(&mut self) -> bool {
        if self.config.generation() == self.generation {
            return false;
        }
        (self.settings, self.generation) = self.config.published();
        true
    }

    /// What the view is of.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

impl Deref for View {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}
