//! Loads and compiles schemas, each once, within the limits for unknown ids and outages.
//!
//! A load is a chain of jobs on the registry's threads: the schema, then each of its references as soon as its number is known, all
//! at the same time. No job waits for another one, so a few threads are enough.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use super::api::Target;
use super::budget::Budget;
use super::cache::{FailedSchemas, ReadySchemas};
use super::core::Core;
use super::error::RegistryError;
use super::references::References;
use super::refused::RefusedIds;
use super::schema::{RegisteredSchema, SchemaId};
use super::waiter::Waiter;
use crate::error::{DecodeError, DecodeErrorCode};
use protocol::SchemaLanguage;

pub(super) type Compile<S> = Box<dyn Fn(&RegisteredSchema) -> Result<S, DecodeError> + Send + Sync>;

pub(super) struct Loader<S> {
    pub core: Arc<Core>,
    compile: Compile<S>,
    pub ready: RwLock<ReadySchemas<S>>,
    /// Locked before `ready` where both are needed.
    pending: Mutex<Pending>,
}

/// What is known about ids without a schema.
struct Pending {
    failed: FailedSchemas,
    /// Each id that is being loaded or in `queue`, with those who wait for it.
    loading: HashMap<SchemaId, Vec<Arc<Waiter>>>,
    /// Ids for which there is no token at the moment. They wait while other loads may give theirs back.
    queue: VecDeque<SchemaId>,
    running: usize,
    budget: Budget,
    refused: RefusedIds,
}

/// An id without a schema.
pub(super) enum Absent {
    Failed(DecodeError),
    Loading,
    Unknown,
}

/// Why an id is not loaded at the moment.
#[derive(Clone, Copy)]
enum Refusal {
    Outage,
    Busy,
    /// The registry did not have many ids that were asked for.
    UnknownIds,
}

/// How a load ended.
enum Outcome<S> {
    Ready(S, usize),
    Failed {
        error: DecodeError,
        remembered: Duration,
        /// Whether the registry has the schema.
        exists: bool,
    },
    /// Nothing is known about the schema.
    Outage,
}

impl<S: Send + Sync + 'static> Loader<S> {
    pub(super) fn new(core: Arc<Core>, compile: Compile<S>) -> Arc<Self> {
        let limits = &core.limits;
        let pending = Pending {
            failed: FailedSchemas::new(limits.cached_failures),
            loading: HashMap::new(),
            queue: VecDeque::new(),
            running: 0,
            budget: Budget::new(limits.unknown_burst, limits.unknown_interval, Instant::now()),
            refused: RefusedIds::default(),
        };
        let ready = RwLock::new(ReadySchemas::new(limits.cached_schemas, limits.cached_bytes));
        Arc::new(Self { compile, ready, pending: Mutex::new(pending), core })
    }

    /// What is known about an id that is not in `ready`.
    pub(super) fn absent(&self, id: SchemaId) -> Absent {
        let now = Instant::now();
        let mut pending = self.lock();
        if let Some(error) = pending.failed.get(id, now) {
            return Absent::Failed(error.clone());
        }
        if pending.loading.contains_key(&id) {
            return Absent::Loading;
        }
        match self.refusal(&mut pending, id, now) {
            Some(refusal) => Absent::Failed(unavailable(id, &self.reason(&pending, refusal))),
            None => Absent::Unknown,
        }
    }

    /// Whether a load of an id that is not in `ready` may start or has started. Records with random bytes in place of an id ask this
    /// millions of times, so nothing is allocated.
    pub(super) fn is_loadable(&self, id: SchemaId) -> bool {
        let now = Instant::now();
        let mut pending = self.lock();
        pending.failed.get(id, now).is_none()
            && (pending.loading.contains_key(&id) || self.refusal(&mut pending, id, now).is_none())
    }

    /// The kind of the error that [`Self::absent`] describes.
    pub(super) fn failure_code(&self, id: SchemaId) -> DecodeErrorCode {
        let failed = self.lock().failed.get(id, Instant::now()).map(|error| error.code);
        failed.unwrap_or(DecodeErrorCode::SchemaUnavailable)
    }

    /// Starts loading the ids of which nothing is known. `waiter` is told about the end of each load.
    pub(super) fn start(self: &Arc<Self>, ids: &[SchemaId], waiter: Option<&Arc<Waiter>>) {
        let now = Instant::now();
        let mut pending = self.lock();
        for &id in ids {
            if let Some(waiters) = pending.loading.get_mut(&id) {
                // An id may be there twice.
                if let Some(waiter) = waiter
                    && !waiters.iter().any(|other| Arc::ptr_eq(other, waiter))
                {
                    waiter.expect_one_more();
                    waiters.push(waiter.clone());
                }
                continue;
            }
            // Under the lock of `pending`: a load that has just ended is in `ready`.
            if self.is_ready(id) || pending.failed.get(id, now).is_some() {
                continue;
            }
            if self.refusal(&mut pending, id, now).is_some() {
                continue;
            }
            if let Some(waiter) = waiter {
                waiter.expect_one_more();
            }
            pending.loading.insert(id, waiter.cloned().into_iter().collect());
            pending.queue.push_back(id);
            self.start_queued(&mut pending, now);
        }
    }

    /// Removes a waiter that waits no longer.
    pub(super) fn forget_waiter(&self, ids: &[SchemaId], waiter: &Arc<Waiter>) {
        let mut pending = self.lock();
        for id in ids {
            if let Some(waiters) = pending.loading.get_mut(id) {
                waiters.retain(|other| !Arc::ptr_eq(other, waiter));
            }
        }
    }

    pub(super) fn forget_failures(&self) {
        self.lock().failed.clear();
    }

    fn is_ready(&self, id: SchemaId) -> bool {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Why an id is not loaded at the moment.
    fn refusal(&self, pending: &mut Pending, id: SchemaId, now: Instant) -> Option<Refusal> {
        if self.core.health.is_down() {
            return Some(Refusal::Outage);
        }
        if pending.loading.len() >= self.core.limits.loading {
            return Some(Refusal::Busy);
        }
        if !pending.budget.is_scarce(pending.running, now) {
            return None;
        }
        let was_refused = pending.refused.insert(id);
        let is_used_up = pending.running == 0 && pending.budget.is_empty(now);
        (is_used_up || !was_refused).then_some(Refusal::UnknownIds)
    }

    /// A refusal in words.
    fn reason(&self, pending: &Pending, refusal: Refusal) -> String {
        let limits = &self.core.limits;
        match refusal {
            Refusal::Outage => self.core.health.outage().unwrap_or_else(|| "the registry did not answer".to_owned()),
            Refusal::Busy => format!("{} other schemas are being loaded", pending.loading.len()),
            Refusal::UnknownIds => format!(
                "the registry did not have up to {} ids that were asked for; it is asked for one unknown id every {} s",
                limits.unknown_burst,
                limits.unknown_interval.as_secs_f32()
            ),
        }
    }

    /// Starts loads while there are tokens. If no running load can give one back, the ids in the queue are given up: they get the
    /// answer of [`Self::refusal`].
    fn start_queued(self: &Arc<Self>, pending: &mut Pending, now: Instant) {
        let is_down = self.core.health.is_down();
        while !pending.queue.is_empty() {
            if is_down || (pending.running == 0 && pending.budget.is_empty(now)) {
                for id in std::mem::take(&mut pending.queue) {
                    pending.release(id);
                }
                return;
            }
            if !pending.budget.take(now) {
                return;
            }
            let Some(id) = pending.queue.pop_front() else { return };
            let loader = Arc::downgrade(self);
            let submitted = self.core.loaders.submit(move || {
                if let Some(loader) = Weak::upgrade(&loader) {
                    loader.load(id);
                }
            });
            match submitted {
                Ok(()) => pending.running += 1,
                Err(_) => {
                    pending.budget.give_back();
                    pending.release(id);
                }
            }
        }
    }

    /// Runs on a thread of the registry.
    fn load(self: Arc<Self>, id: SchemaId) {
        if self.core.health.is_down() {
            return self.finish(id, Outcome::Outage);
        }
        let schema = match self.core.schema(id) {
            Ok(schema) => schema,
            Err(error) => {
                let outcome = self.failure(id, &error);
                return self.finish(id, outcome);
            }
        };
        let mut references = References::default();
        let missing = match references.add_root(schema.references) {
            Ok(missing) => missing,
            Err(reason) => {
                let outcome = self.invalid(id, &reason);
                return self.finish(id, outcome);
            }
        };
        let load = Load { id, language: schema.language, text: schema.text };
        if missing.is_empty() {
            return self.compile(load, References::default());
        }
        let state = Resolving { outstanding: 0, references, load: Some(load) };
        self.load_references(id, &Arc::new(Mutex::new(state)), missing);
    }

    fn load_references(
        self: &Arc<Self>,
        id: SchemaId,
        resolving: &Arc<Mutex<Resolving>>,
        missing: Vec<(usize, Target)>,
    ) {
        lock(resolving).outstanding += missing.len();
        for (index, target) in missing {
            let (loader, shared) = (Arc::downgrade(self), resolving.clone());
            let submitted = self.core.loaders.submit(move || {
                if let Some(loader) = Weak::upgrade(&loader) {
                    loader.load_reference(id, &shared, index, &target);
                }
            });
            if submitted.is_err() {
                self.give_up(id, resolving, Outcome::Outage);
                return;
            }
        }
    }

    /// Runs on a thread of the registry.
    fn load_reference(
        self: &Arc<Self>,
        id: SchemaId,
        resolving: &Arc<Mutex<Resolving>>,
        index: usize,
        target: &Target,
    ) {
        if lock(resolving).load.is_none() {
            // Another reference has failed.
            return;
        }
        if self.core.health.is_down() {
            return self.give_up(id, resolving, Outcome::Outage);
        }
        let schema = match self.core.referenced_schema(target) {
            Ok(schema) => schema,
            Err(error) if error.is_not_found() => {
                let outcome = self.invalid(id, &format!("it references {target}, which the registry does not have"));
                return self.give_up(id, resolving, outcome);
            }
            Err(error) => {
                let outcome = self.failure(id, &error);
                return self.give_up(id, resolving, outcome);
            }
        };
        let mut state = lock(resolving);
        match state.references.add_loaded(index, schema.text, schema.references) {
            Ok(missing) => {
                state.outstanding -= 1;
                if state.outstanding > 0 || !missing.is_empty() {
                    drop(state);
                    return self.load_references(id, resolving, missing);
                }
                let (load, references) = (state.load.take(), std::mem::take(&mut state.references));
                drop(state);
                if let Some(load) = load {
                    self.compile(load, references);
                }
            }
            Err(reason) => {
                drop(state);
                let outcome = self.invalid(id, &reason);
                self.give_up(id, resolving, outcome);
            }
        }
    }

    /// Ends a load because of one of its references. Later calls for the same load have no effect.
    fn give_up(self: &Arc<Self>, id: SchemaId, resolving: &Mutex<Resolving>, outcome: Outcome<S>) {
        if lock(resolving).load.take().is_some() {
            self.finish(id, outcome);
        }
    }

    fn compile(self: &Arc<Self>, load: Load, references: References) {
        let Load { id, language, text } = load;
        let schema = RegisteredSchema { id, language, text, references: references.into_texts() };
        // A parser of schemas that panics must not leave the id as one that is being loaded.
        let compiled = catch_unwind(AssertUnwindSafe(|| (self.compile)(&schema)));
        let outcome = match compiled {
            Ok(Ok(compiled)) => Outcome::Ready(compiled, schema.bytes()),
            Ok(Err(error)) => Outcome::Failed { error, remembered: self.core.limits.not_found, exists: true },
            Err(_) => self.invalid(id, "it cannot be read: the parser panicked"),
        };
        self.finish(id, outcome);
    }

    fn finish(self: &Arc<Self>, id: SchemaId, outcome: Outcome<S>) {
        let is_ready = matches!(outcome, Outcome::Ready(..));
        let mut failure = None;
        let is_token_used = match outcome {
            Outcome::Ready(schema, bytes) => {
                self.ready.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(schema), bytes);
                false
            }
            Outcome::Failed { error, remembered, exists } => {
                failure = Some((error, remembered));
                !exists
            }
            Outcome::Outage => false,
        };
        let now = Instant::now();
        let mut pending = self.lock();
        if let Some((error, remembered)) = failure {
            pending.failed.insert(id, error, now + remembered);
        }
        if !is_token_used {
            pending.budget.give_back();
        }
        pending.running -= 1;
        pending.release(id);
        self.start_queued(&mut pending, now);
        drop(pending);
        if is_ready {
            self.load_versions(id);
        }
    }

    /// Loads the subjects of a schema that is ready. They are shown beside records, so nothing waits for them.
    fn load_versions(self: &Arc<Self>, id: SchemaId) {
        let loader = Arc::downgrade(self);
        // If the queue is full, records are shown without the subject.
        let _ = self.core.loaders.submit_minor(move || {
            let Some(loader) = Weak::upgrade(&loader) else { return };
            let place = loader.ready.read().unwrap_or_else(PoisonError::into_inner).versions(id);
            if let Some(place) = place
                && loader.core.health.outage().is_none()
                && let Ok(versions) = loader.core.versions_of(id)
            {
                let _ = place.set(versions);
            }
        });
    }

    fn failure(&self, id: SchemaId, error: &RegistryError) -> Outcome<S> {
        let limits = &self.core.limits;
        match error {
            RegistryError::Refused { status: 404, message, .. } => {
                let detail = if message.is_empty() { String::new() } else { format!(" ({message})") };
                let text = format!("the registry has no schema with the id {id}{detail}");
                let error = DecodeError::new(DecodeErrorCode::SchemaNotFound, text);
                Outcome::Failed { error, remembered: limits.not_found, exists: false }
            }
            // An error for this schema only must not make all others wait, again and again.
            RegistryError::Refused { status: 500.., .. } => Outcome::Failed {
                error: unavailable(id, &error.to_string()),
                remembered: limits.server_error,
                exists: false,
            },
            error if error.is_outage() => Outcome::Outage,
            error => Outcome::Failed {
                error: unavailable(id, &error.to_string()),
                remembered: limits.not_found,
                exists: false,
            },
        }
    }

    /// The registry has the schema, but it cannot be used.
    fn invalid(&self, id: SchemaId, reason: &str) -> Outcome<S> {
        let error = DecodeError::new(DecodeErrorCode::SchemaInvalid, format!("the schema {id} is invalid: {reason}"));
        Outcome::Failed { error, remembered: self.core.limits.not_found, exists: true }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }
}

impl Pending {
    /// The load of an id has ended.
    fn release(&mut self, id: SchemaId) {
        for waiter in self.loading.remove(&id).unwrap_or_default() {
            waiter.one_answered();
        }
    }
}

/// A schema whose references are being loaded.
struct Resolving {
    /// The number of references that are not loaded yet.
    outstanding: usize,
    references: References,
    /// `None`: the load has ended.
    load: Option<Load>,
}

struct Load {
    id: SchemaId,
    language: SchemaLanguage,
    text: String,
}

fn unavailable(id: SchemaId, reason: &str) -> DecodeError {
    DecodeError::new(DecodeErrorCode::SchemaUnavailable, format!("the schema {id} cannot be loaded now: {reason}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
