//! Reading and changing what a registry has.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, mpsc};

use protocol::{CompatibilityLevel, SchemaDraft, SchemaLanguage, VersionOfSubject};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use ureq::http::Method;

use super::api::SchemaBody;
use super::core::Core;
use super::error::RegistryError;
use super::health::RegistryState;
use super::http::{Api, Call, segment};
use super::schema::{self, CompatibilityCheck, Deletion, SchemaId, SubjectSchema, Version, parse_type, type_name};

type Result<T> = std::result::Result<T, RegistryError>;

/// Reads and changes what a registry has. Clones share everything.
///
/// Requests are sent also while the registry is down, since a user asks for them; an answer ends the outage.
#[derive(Clone)]
pub struct RegistryClient(pub(super) Arc<Core>);

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryClient")
    }
}

/// Whether deleted subjects or versions are listed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    Excluded,
    Included,
}

#[derive(Serialize)]
struct NewSchemaBody<'a> {
    #[serde(rename = "schemaType")]
    schema_type: &'static str,
    schema: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<ReferenceBody<'a>>,
}

#[derive(Serialize)]
struct ReferenceBody<'a> {
    name: &'a str,
    subject: &'a str,
    version: u32,
}

#[derive(Deserialize)]
struct IdBody {
    id: u32,
}

#[derive(Deserialize)]
struct LevelBody {
    #[serde(rename = "compatibilityLevel")]
    level: String,
}

#[derive(Deserialize)]
struct CheckBody {
    is_compatible: bool,
    messages: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ModeBody {
    mode: String,
}

impl RegistryClient {
    /// Whether the registry answers, with changes.
    pub fn state(&self) -> watch::Receiver<RegistryState> {
        self.0.health.subscribe()
    }

    /// The address of the registry: of its first node, if it has several.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Asks the registry for something small, to know whether it answers.
    pub async fn check(&self) -> Result<()> {
        self.run(Core::probe).await
    }

    /// The names of all subjects.
    pub async fn subjects(&self, deleted: Deleted) -> Result<Vec<String>> {
        self.run(move |core| core.get(&format!("/subjects{}", deleted.query()))).await
    }

    pub async fn versions(&self, subject: &str, deleted: Deleted) -> Result<Vec<u32>> {
        let path = format!("/subjects/{}/versions{}", segment(subject), deleted.query());
        self.run(move |core| core.get(&path)).await
    }

    pub async fn version(&self, subject: &str, version: Version) -> Result<SubjectSchema> {
        let path = version_path(subject, version);
        self.run(move |core| core.get::<SchemaBody>(&path)?.into_subject_schema(None)).await
    }

    /// Like [`Self::version`], but a numbered version is also found if it was deleted and still exists.
    pub async fn version_or_deleted(&self, subject: &str, version: Version) -> Result<SubjectSchema> {
        let path = version_path(subject, version);
        self.run(move |core| {
            let existing = core.get::<SchemaBody>(&path);
            let body = match existing {
                Err(error) if error.is_not_found() && matches!(version, Version::Number(_)) => {
                    core.get(&format!("{path}{}", Deleted::Included.query())).map_err(|_| error)
                }
                answer => answer,
            };
            body?.into_subject_schema(None)
        })
        .await
    }

    /// Like [`Self::version`], but blocks the thread.
    pub fn version_blocking(&self, subject: &str, version: Version) -> Result<SubjectSchema> {
        let path = version_path(subject, version);
        self.run_blocking(move |core| core.get::<SchemaBody>(&path)?.into_subject_schema(None))
    }

    /// The ids of the schemas that reference a version.
    pub async fn referenced_by(&self, subject: &str, version: Version) -> Result<Vec<u32>> {
        let path = format!("{}/referencedby", version_path(subject, version));
        self.run(move |core| core.get(&path)).await
    }

    /// The subjects that have the schema with an id.
    pub async fn versions_of(&self, id: SchemaId) -> Result<Vec<VersionOfSubject>> {
        self.run(move |core| core.versions_of(id)).await
    }

    /// The types of schemas that the registry supports, of those that this program knows.
    pub async fn types(&self) -> Result<Vec<SchemaLanguage>> {
        let names: Vec<String> = self.run(move |core| core.get("/schemas/types")).await?;
        Ok(names.iter().filter_map(|name| parse_type(name)).collect())
    }

    pub async fn global_compatibility(&self) -> Result<CompatibilityLevel> {
        self.run(move |core| parse_level(&core.get("/config")?)).await
    }

    pub async fn set_global_compatibility(&self, level: CompatibilityLevel) -> Result<()> {
        self.set_level("/config".to_owned(), level).await
    }

    /// The level of a subject; `None` if the global level applies. Some registries return the global level then.
    pub async fn compatibility(&self, subject: &str) -> Result<Option<CompatibilityLevel>> {
        let path = format!("/config/{}", segment(subject));
        self.run(move |core| match core.get(&path) {
            Err(error) if error.is_not_found() => Ok(None),
            answer => parse_level(&answer?).map(Some),
        })
        .await
    }

    /// `None` makes the global level apply.
    pub async fn set_compatibility(&self, subject: &str, level: Option<CompatibilityLevel>) -> Result<()> {
        let path = format!("/config/{}", segment(subject));
        match level {
            Some(level) => self.set_level(path, level).await,
            None => match self.change(Method::DELETE, path, None).await {
                // The subject had no level.
                Err(error) if error.is_not_found() => Ok(()),
                other => other,
            },
        }
    }

    /// Whether a schema is compatible with the versions of a subject, by the level of the subject.
    pub async fn check_compatibility(&self, subject: &str, schema: &SchemaDraft) -> Result<CompatibilityCheck> {
        let path = format!("/compatibility/subjects/{}/versions", segment(subject));
        let body = schema_body(schema)?;
        self.run(move |core| {
            let all = core.request(Method::POST, &format!("{path}?verbose=true"), Some(&body));
            let answer: CheckBody = match all {
                // Older registries compare with a single version only.
                Err(error) if error.is_unsupported() => {
                    core.request(Method::POST, &format!("{path}/latest?verbose=true"), Some(&body))?
                }
                answer => answer?,
            };
            let messages = answer.messages.unwrap_or_default();
            Ok(CompatibilityCheck { is_compatible: answer.is_compatible, messages })
        })
        .await
    }

    /// Makes a schema the next version of a subject, unless the subject has it already. Returns its id.
    pub async fn register(&self, subject: &str, schema: &SchemaDraft) -> Result<u32> {
        let path = format!("/subjects/{}/versions", segment(subject));
        let body = schema_body(schema)?;
        self.run(move |core| Ok(core.request::<IdBody>(Method::POST, &path, Some(&body))?.id)).await
    }

    /// The version of a subject that has exactly this schema.
    pub async fn lookup(&self, subject: &str, schema: &SchemaDraft) -> Result<Option<SubjectSchema>> {
        let path = format!("/subjects/{}", segment(subject));
        let (body, language) = (schema_body(schema)?, schema.language);
        self.run(move |core| match core.request::<SchemaBody>(Method::POST, &path, Some(&body)) {
            Err(error) if error.is_not_found() => Ok(None),
            answer => answer?.into_subject_schema(Some(language)).map(Some),
        })
        .await
    }

    pub async fn delete_version(&self, subject: &str, version: u32, deletion: Deletion) -> Result<()> {
        let path = format!("{}{}", version_path(subject, Version::Number(version)), deletion.query());
        self.change(Method::DELETE, path, None).await
    }

    /// Deletes all versions of a subject and returns their numbers.
    pub async fn delete_subject(&self, subject: &str, deletion: Deletion) -> Result<Vec<u32>> {
        let path = format!("/subjects/{}{}", segment(subject), deletion.query());
        self.run(move |core| core.request(Method::DELETE, &path, None)).await
    }

    /// Whether schemas may be registered (`READWRITE`, `READONLY`, `IMPORT` …), for all subjects or for one. `None` if the registry
    /// has no modes, or the subject none of its own.
    pub async fn mode(&self, subject: Option<&str>) -> Result<Option<String>> {
        let mut path = "/mode".to_owned();
        if let Some(subject) = subject {
            let _ = write!(path, "/{}", segment(subject));
        }
        self.run(move |core| {
            match core.send(&Call { method: Method::GET, api: Api::Confluent, path: &path, body: None }) {
                Err(error) if error.is_not_found() || error.is_unsupported() => Ok(None),
                Ok(answer) if answer.status == 204 => Ok(None),
                answer => super::core::read::<ModeBody>(&answer?).map(|body| Some(body.mode)),
            }
        })
        .await
    }

    async fn set_level(&self, path: String, level: CompatibilityLevel) -> Result<()> {
        self.run(move |core| {
            let body = level_body(level);
            let call = Call { method: Method::PUT, api: Api::Confluent, path: &path, body: Some(&body) };
            match core.send(&call) {
                // Apicurio deletes its rule for NONE, and reports that it has none.
                Err(error) if level == CompatibilityLevel::None && error.is_not_found() => {
                    let present = core.get(&path).and_then(|body| parse_level(&body));
                    if present == Ok(CompatibilityLevel::None) { Ok(()) } else { Err(error) }
                }
                other => other.map(drop),
            }
        })
        .await
    }

    /// Sends a change whose answer says no more than that it was made.
    async fn change(&self, method: Method, path: String, body: Option<String>) -> Result<()> {
        self.run(move |core| {
            let call = Call { method, api: Api::Confluent, path: &path, body: body.as_deref() };
            core.send(&call).map(drop)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Arc<Core>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.submit(request)?.await.unwrap_or(Err(RegistryError::Busy))
    }

    /// Waits for a limited time: a few requests without an answer can keep all threads of the registry busy for minutes.
    fn run_blocking<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Arc<Core>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let wait = self.0.limits.blocking_wait;
        let (sender, receiver) = mpsc::sync_channel(1);
        let caller = Arc::new(());
        let waiting = Arc::downgrade(&caller);
        let core = self.0.clone();
        let submitted = self.0.managers.submit(move || {
            // If the caller has gone, the request is not sent.
            if waiting.strong_count() > 0 {
                let _ = sender.send(request(&core));
            }
        });
        if submitted.is_err() {
            return Err(RegistryError::Busy);
        }
        let answer = receiver.recv_timeout(wait);
        drop(caller);
        match answer {
            Ok(answer) => answer,
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(RegistryError::Busy),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(RegistryError::Unreachable {
                reason: format!(
                    "{}: no answer in {} s; the registry is slow, or other requests wait, too",
                    self.address(),
                    wait.as_secs()
                ),
            }),
        }
    }

    /// Sends the request on a thread of the registry: no more of them are sent at a time than there are threads.
    fn submit<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Arc<Core>) -> Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        let (sender, receiver) = oneshot::channel();
        let core = self.0.clone();
        let submitted = self.0.managers.submit(move || {
            // If the caller has gone, the request is not sent; a change that was sent is not undone.
            if !sender.is_closed() {
                let _ = sender.send(request(&core));
            }
        });
        match submitted {
            Ok(()) => Ok(receiver),
            Err(_) => Err(RegistryError::Busy),
        }
    }
}

impl Deleted {
    fn query(self) -> &'static str {
        match self {
            Self::Excluded => "",
            Self::Included => "?deleted=true",
        }
    }
}

impl Deletion {
    fn query(self) -> &'static str {
        match self {
            Self::Soft => "",
            Self::Permanent => "?permanent=true",
        }
    }
}

fn version_path(subject: &str, version: Version) -> String {
    format!("/subjects/{}/versions/{version}", segment(subject))
}

fn parse_level(body: &LevelBody) -> Result<CompatibilityLevel> {
    schema::parse_level(&body.level)
        .ok_or_else(|| RegistryError::Unexpected { reason: format!("unknown compatibility level {:?}", body.level) })
}

fn level_body(level: CompatibilityLevel) -> String {
    format!("{{\"compatibility\":\"{}\"}}", level.name())
}

fn schema_body(schema: &SchemaDraft) -> Result<String> {
    let references = schema.references.iter().map(|reference| ReferenceBody {
        name: &reference.name,
        subject: &reference.subject,
        version: reference.version,
    });
    let body = NewSchemaBody {
        schema_type: type_name(schema.language),
        schema: &schema.text,
        references: references.collect(),
    };
    serde_json::to_string(&body).map_err(|error| RegistryError::Unexpected { reason: error.to_string() })
}
