//! The files of `[[schemas]]`, read again while the bridge runs: changed schemas are used for the batches that are decoded from then on, and for
//! the records that are encoded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use protocol::ClusterName;
use serdes::{Decoder, TopicRule, TopicSchemas};

use super::with_causes;
use crate::config::OptionsFile;
use crate::file_watch::WatchedFile;

/// The files of all tables, and what was loaded from them.
pub struct WatchedSchemas {
    files: Vec<WatchedFile>,
    clusters: Vec<ClusterSchemas>,
    /// A change that has not been read yet.
    has_changed: bool,
    /// The error of the last attempt, so that it is logged once.
    error: Option<String>,
}

/// The schemas of a cluster's topics.
struct ClusterSchemas {
    name: ClusterName,
    decoder: Arc<Decoder>,
    /// Those of the configuration file.
    loaded: Vec<TopicRule>,
    /// Those that the bridge has itself, which come after the others.
    own: Vec<TopicRule>,
}

impl WatchedSchemas {
    pub fn new(file: &OptionsFile) -> Self {
        // The files may have changed since they were read.
        let files = file.schema_files().map(WatchedFile::read_earlier).collect();
        Self { files, clusters: Vec::new(), has_changed: false, error: None }
    }

    /// Changes apply to this decoder. `loaded`: the schemas with which the bridge was started; `own`: those that are in no file.
    pub fn add(&mut self, name: ClusterName, decoder: Arc<Decoder>, loaded: Vec<TopicRule>, own: Vec<TopicRule>) {
        self.clusters.push(ClusterSchemas { name, decoder, loaded, own });
    }

    /// Watches the files of a changed configuration file.
    pub fn watch(&mut self, file: &OptionsFile) {
        self.files.retain(|watched| file.schema_files().any(|path| path == watched.path()));
        for path in file.schema_files() {
            if self.files.iter().all(|watched| watched.path() != path) {
                self.files.push(WatchedFile::read_earlier(path));
            }
        }
        self.has_changed = true;
    }

    /// Reads the files if one of them has changed, or always. `file`: the last valid configuration file.
    pub fn read(&mut self, file: &OptionsFile, always: bool) {
        // The beginning of a file may be a valid schema. Each file is asked, so that a change of several is one change.
        for watched in &mut self.files {
            self.has_changed |= watched.has_settled();
        }
        let is_growing = self.files.iter().any(WatchedFile::is_growing);
        if !always && (is_growing || !self.has_changed) {
            return;
        }
        self.has_changed = false;
        // A parser that panics must not end the reading of all other files.
        let loaded = catch_unwind(AssertUnwindSafe(|| self.load(file)));
        match loaded.unwrap_or_else(|_| Err("the parser panicked; the log has the reason".to_owned())) {
            Ok(loaded) => {
                self.error = None;
                self.replace(file, loaded);
            }
            Err(error) => {
                if always || self.error.as_ref() != Some(&error) {
                    tracing::error!("the changed schemas cannot be used; the earlier ones stay: {error}");
                }
                self.error = Some(error);
            }
        }
    }

    /// The schemas of each cluster, from the files and compiled. One mistake keeps the earlier schemas of all clusters.
    fn load(&self, file: &OptionsFile) -> Result<Vec<(Vec<TopicRule>, TopicSchemas)>, String> {
        let loaded = self.clusters.iter().map(|cluster| {
            let rules = file.load_schemas(&cluster.name).map_err(with_causes)?;
            let all = [rules.as_slice(), &cluster.own].concat();
            let compiled = TopicSchemas::compile(&all).map_err(|error| error.message)?;
            Ok((rules, compiled))
        });
        loaded.collect()
    }

    fn replace(&mut self, file: &OptionsFile, loaded: Vec<(Vec<TopicRule>, TopicSchemas)>) {
        let mut changed = Vec::new();
        for (cluster, (rules, compiled)) in self.clusters.iter_mut().zip(loaded) {
            if cluster.loaded != rules {
                cluster.decoder.replace_topic_schemas(compiled);
                cluster.loaded = rules;
                changed.push(cluster.name.to_string());
            }
        }
        if !changed.is_empty() {
            let (path, clusters) = (file.path.display(), changed.join(", "));
            tracing::info!(%clusters, "{path}: the schemas of [[schemas]] have changed and are used from now on");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;
    use protocol::RecordFormat;
    use serdes::Field;
    use serdes::formats::wire::Part;

    use super::*;
    use crate::config::CommandLine;

    const ONE_TABLE: &str =
        "[[schemas]]\ntopics = [\"orders\"]\nvalue-format = \"avro\"\nvalue-files = [\"order.avsc\"]\n";

    fn file(folder: &Path) -> OptionsFile {
        OptionsFile::read(&CommandLine::command(), &folder.join("ponte.toml")).expect("a valid file")
    }

    fn field_named(name: &str) -> String {
        format!(r#"{{"type":"record","name":"Order","fields":[{{"name":"{name}","type":"int"}}]}}"#)
    }

    fn decoded(decoder: &Decoder) -> String {
        let mut json = Vec::new();
        let field = Field { topic: "orders", part: Part::Value, bytes: &[14], key: None };
        match decoder.decode_one_blocking(RecordFormat::Avro, field, std::iter::empty(), &mut json) {
            Ok(_) => String::from_utf8(json).expect("UTF-8"),
            Err(error) => error.code,
        }
    }

    #[test]
    fn changed_files_replace_the_schemas_and_mistakes_keep_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        write("ponte.toml", ONE_TABLE);
        write("order.avsc", &field_named("a"));
        let options = file(folder.path());
        let loaded = options.load_schemas(&ClusterName::default()).expect("valid schemas");
        let topics = TopicSchemas::compile(&loaded).expect("valid schemas");
        let decoder = Arc::new(Decoder::new(None, 1024).with_topic_schemas(topics));
        let mut watched = WatchedSchemas::new(&options);
        watched.add(ClusterName::default(), decoder.clone(), loaded, Vec::new());
        assert_eq!(decoded(&decoder), r#"{"a":7}"#);

        write("order.avsc", &field_named("bb"));
        watched.read(&options, false);
        assert_eq!(decoded(&decoder), r#"{"a":7}"#, "the file may be incomplete");
        watched.read(&options, false);
        assert_eq!(decoded(&decoder), r#"{"bb":7}"#);

        write("order.avsc", "{");
        watched.read(&options, true);
        assert_eq!(decoded(&decoder), r#"{"bb":7}"#);
        std::fs::remove_file(folder.path().join("order.avsc")).expect("the file exists");
        watched.read(&options, true);
        assert_eq!(decoded(&decoder), r#"{"bb":7}"#);

        write("order.avsc", &field_named("a"));
        write("ponte.toml", &ONE_TABLE.replace("orders", "invoices"));
        let options = file(folder.path());
        watched.watch(&options);
        watched.read(&options, true);
        assert_eq!(decoded(&decoder), "no_schema");
    }
}
