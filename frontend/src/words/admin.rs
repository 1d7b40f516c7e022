//! The words of the views beside the live one: topics, the cluster, and what they share. They are part of the one list in
//! `words.rs`, which hands its own over to be completed.

macro_rules! with_admin_words {
    ($list:ident { $($live:tt)* }) => {
        $list! {
            $($live)*

            cancel: "Cancel", "Annulla";
            under_way: "Under way…", "In corso…";
            confirm_type: "To confirm, type", "Per confermare, scrivi";
            answer_lost: "The connection was lost before the answer came: look whether it was done.",
                "La connessione è caduta prima della risposta: verifica se è stato fatto.";
            cannot_change_demo: "The demo broker cannot do this; a real Kafka can", "Il broker di prova non sa farlo; un vero Kafka sì";
            loading: "Loading…", "Carico…";
            view_live: "live", "dal vivo";
            view_stale: "not up to date", "non aggiornato";
            view_lost: "not up to date: no connection", "non aggiornato: nessuna connessione";
            view_failed: "Kafka did not tell", "Kafka non l'ha detto";
            demo_has_none: "The demo broker has none of this", "Il broker di prova non ne ha";
            demo_has_none_next: "A real Kafka does: docker compose -f kafka_broker.yaml up -d, then start the bridge again.",
                "Un vero Kafka sì: docker compose -f kafka_broker.yaml up -d, poi riavvia il bridge.";
            view_offline_next: "It appears by itself when the bridge is back.", "Appare da sé quando il bridge torna.";
            nothing_found: "Nothing has this in its name", "Nessun nome lo contiene";
            find_clear: "Show all", "Mostra tutto";

            // Topics.
            topics_loading: "Asking Kafka for its topics…", "Chiedo a Kafka i suoi topic…";
            topics_one: "{n} topic", "{n} topic";
            topics_many: "{n} topics", "{n} topic";
            find_topic: "Find a topic", "Cerca un topic";
            show_internal: "Kafka's own", "Quelli di Kafka";
            internal_hidden_one: "{n} of Kafka's own hidden", "{n} di Kafka nascosto";
            internal_hidden_many: "{n} of Kafka's own hidden", "{n} di Kafka nascosti";
            no_topics: "There is no topic yet", "Non c'è ancora nessun topic";
            no_topics_next: "Create one, or send a record to a new name from the live view.",
                "Creane uno, oppure invia un record a un nome nuovo dalla vista dal vivo.";
            partitions_word: "Partitions", "Partizioni";
            replication: "Replicas", "Repliche";
            replication_hint: "How many brokers keep each partition", "Quanti broker conservano ogni partizione";
            records_hint: "From the first offset still there to the end; compaction may have left fewer", "Dal primo offset ancora presente alla fine; con la compattazione possono essere meno";
            rate: "Per second", "Al secondo";
            rate_hint: "Records written per second", "Record scritti al secondo";
            state: "State", "Stato";
            under_replicated_short: "{n} not in sync", "{n} non in sync";
            under_replicated_one: "{n} partition with replicas not in sync", "{n} partizione con repliche non in sync";
            under_replicated_many: "{n} partitions with replicas not in sync", "{n} partizioni con repliche non in sync";
            offline_one: "{n} offline", "{n} offline";
            offline_many: "{n} offline", "{n} offline";

            // One topic.
            topic_loading: "Asking Kafka for the topic…", "Chiedo a Kafka il topic…";
            topic_gone: "There is no topic '{topic}'", "Non c'è nessun topic '{topic}'";
            topic_gone_next: "It was deleted, or never created. If somebody creates it, it appears here.",
                "È stato cancellato, o mai creato. Se qualcuno lo crea, appare qui.";
            topic_parts: "Parts of the topic", "Parti del topic";
            internal: "Kafka's own", "di Kafka";
            cannot_change_internal: "Kafka's own topics are not changed from here", "I topic di Kafka non si cambiano da qui";
            replicas_one: "{n} replica of each", "{n} replica di ciascuna";
            replicas_many: "{n} replicas of each", "{n} repliche di ciascuna";
            records_one: "{n} record", "{n} record";
            records_many: "{n} records", "{n} record";
            records_unknown: "number of records not known", "numero di record non noto";
            chart_written: "Records written per second while this view is open, at most {n}",
                "Record scritti al secondo da quando la vista è aperta, al massimo {n}";
            watch_live: "Watch it live", "Guarda dal vivo";
            empty_topic: "Empty it", "Svuota";
            empty_title: "Empty the topic '{topic}'?", "Svuotare il topic '{topic}'?";
            empty_text_one: "{n} record is deleted for good. The topic and its settings stay, and offsets count on.",
                "{n} record viene cancellato per sempre. Il topic e le impostazioni restano, gli offset proseguono.";
            empty_text_many: "{n} records are deleted for good. The topic and its settings stay, and offsets count on.",
                "{n} record vengono cancellati per sempre. Il topic e le impostazioni restano, gli offset proseguono.";
            empty_text_unknown: "All its records are deleted for good. How many there are is not known: a partition did not report its offsets. The topic and its settings stay, and offsets count on.",
                "Tutti i record vengono cancellati per sempre. Quanti sono non è noto: una partizione non ha comunicato i suoi offset. Il topic e le impostazioni restano, gli offset proseguono.";
            delete_topic: "Delete it", "Elimina";
            delete_title: "Delete the topic '{topic}'?", "Eliminare il topic '{topic}'?";
            delete_text_one: "The topic goes with {n} record and its settings, for good.",
                "Il topic sparisce con {n} record e le sue impostazioni, per sempre.";
            delete_text_many: "The topic goes with {n} records and its settings, for good.",
                "Il topic sparisce con {n} record e le sue impostazioni, per sempre.";
            delete_text_unknown: "The topic goes with all its records and its settings, for good. How many records there are is not known: a partition did not report its offsets.",
                "Il topic sparisce con tutti i record e le sue impostazioni, per sempre. Quanti record ci sono non è noto: una partizione non ha comunicato i suoi offset.";
            leader: "Leader", "Leader";
            leader_hint: "The broker that takes and hands out the partition's records", "Il broker che riceve e distribuisce i record della partizione";
            replicas_on: "Replicas on", "Repliche su";
            replicas_on_hint: "The brokers that keep a copy", "I broker che ne tengono una copia";
            in_sync: "In sync", "In sync";
            in_sync_hint: "Whether every copy has all the records", "Se ogni copia ha tutti i record";
            all_in_sync: "all", "tutte";
            not_in_sync: "not on {brokers}", "non su {brokers}";
            partition_offline: "offline: no leader", "offline: nessun leader";
            nobody: "none", "nessuno";
            low: "First offset", "Primo offset";
            low_hint: "Of the oldest record still there", "Del record più vecchio ancora presente";
            high: "End", "Fine";
            high_hint: "The offset that the next record will get", "L'offset che avrà il prossimo record";
            watch_partition: "Watch this partition live, from its last 100 records", "Guarda la partizione dal vivo, dai suoi ultimi 100 record";
            partitions_wanted: "Partitions in all", "Partizioni in tutto";
            add_partitions: "Add partitions", "Aggiungi partizioni";
            add_hint: "Write how many there are to be in all: more than now", "Scrivi quante devono essere in tutto: più di adesso";
            add_title: "Add partitions to '{topic}'?", "Aggiungere partizioni a '{topic}'?";
            add_text: "From {from} to {to} partitions. This cannot be taken back, and from now on a key may go to another partition than before.",
                "Da {from} a {to} partizioni. Non si torna indietro, e d'ora in poi una chiave può finire in una partizione diversa da prima.";
            members: "Members", "Membri";
            lag_in_all: "Lag in all", "Ritardo totale";
            lag_in_all_hint: "Records that the group has not committed, over all its topics", "Record che il gruppo non ha ancora salvato, su tutti i suoi topic";
            groups_loading: "Asking Kafka for its groups…", "Chiedo a Kafka i suoi gruppi…";
            no_readers: "No group reads this topic", "Nessun gruppo legge questo topic";
            no_readers_next: "Whoever watches without a group does not appear here.", "Chi osserva senza un gruppo non appare qui.";
            settings_loading: "Asking Kafka for the settings…", "Chiedo a Kafka le impostazioni…";
            find_setting: "Find a setting", "Cerca un'impostazione";
            setting: "Setting", "Impostazione";
            setting_source: "Chosen by", "Deciso da";
            setting_source_hint: "Who chose the value", "Chi ha scelto il valore";
            setting_default: "Otherwise", "Altrimenti";
            setting_default_hint: "What it would be without this choice", "Quanto varrebbe senza questa scelta";
            setting_note: "What it does", "Che cosa fa";
            setting_read_only: "Kafka does not let this be changed", "Kafka non permette di cambiarla";
            setting_save: "Change", "Cambia";
            setting_take_back: "Back to the default", "Torna al predefinito";
            source_topic: "this topic", "questo topic";
            source_broker: "a broker", "un broker";
            source_cluster: "the cluster", "il cluster";
            source_file: "the broker's file", "il file del broker";
            source_default: "Kafka", "Kafka";
            source_unknown: "not known", "non si sa";
            sensitive: "not shown", "non mostrato";
            only_different: "Only what differs from Kafka's defaults", "Solo quel che cambia rispetto a Kafka";

            // The cluster.
            cluster_loading: "Asking Kafka how it is…", "Chiedo a Kafka come sta…";
            cluster_id: "id {id}", "id {id}";
            broker: "Broker", "Broker";
            brokers: "Brokers", "Broker";
            broker_address: "Address", "Indirizzo";
            broker_up: "up", "attivo";
            broker_not_up: "down", "non risponde";
            controller: "up, controller", "attivo, controller";
            controller_hint: "It decides who leads the partitions", "Decide chi guida le partizioni";
            rack: "Rack", "Rack";
            rack_hint: "Where it stands; Kafka spreads replicas over racks", "Dove si trova; Kafka distribuisce le repliche tra i rack";
            version: "Version", "Versione";
            version_hint: "The release, by the newest metadata version it knows; with ZooKeeper, the protocol among the brokers, which may be older",
                "La release, dalla più recente metadata version che conosce; con ZooKeeper, il protocollo tra i broker, che può essere più vecchio";
            version_or_newer: "{version} or newer", "{version} o successiva";
            leads: "Leads", "Guida";
            leads_hint: "Partitions that it leads", "Partizioni che guida";
            replicas_held_hint: "Copies of partitions that it keeps", "Copie di partizioni che conserva";
            troubled: "Partitions in trouble", "Partizioni in difficoltà";
            troubled_part: "the first {n} are listed", "sono elencate le prime {n}";
            features: "Features", "Funzionalità";
            explain_features: "What the brokers do together, each thing at one level. After an upgrade of all brokers a level is raised with kafka-features upgrade.",
                "Quello che i broker fanno insieme, ogni cosa a un livello. Quando tutti sono aggiornati, il livello si alza con kafka-features upgrade.";
            features_demo: "The demo broker has none; a real Kafka tells them.", "Il broker di prova non ne ha; un vero Kafka le dice.";
            features_none: "These brokers have none: Kafka has them since it does without ZooKeeper.",
                "Questi broker non ne hanno: Kafka le ha da quando fa a meno di ZooKeeper.";
            feature: "Feature", "Funzionalità";
            feature_level: "In force", "In vigore";
            feature_level_hint: "The level that the whole cluster uses", "Il livello usato da tutto il cluster";
            feature_off: "{level} (off)", "{level} (spenta)";
            feature_supported: "Supported", "Supportati";
            feature_supported_hint: "The levels that the brokers could use; brokers that differ are named", "I livelli che i broker potrebbero usare; chi è diverso viene nominato";
            feature_of_brokers: "{levels} (broker {brokers})", "{levels} (broker {brokers})";
            feature_meaning: "What it brings", "Che cosa porta";
            feature_metadata: "What the cluster can keep about itself; grows with each release", "Quello che il cluster sa tenere di sé; cresce a ogni release";
            feature_kraft: "1: controllers join and leave while the cluster runs (KIP-853)", "1: i controller entrano ed escono a cluster acceso (KIP-853)";
            feature_group: "1: the broker assigns partitions to a group's members (KIP-848)", "1: è il broker ad assegnare le partizioni ai membri di un gruppo (KIP-848)";
            feature_transaction: "2: a late record cannot slip into another transaction (KIP-890)", "2: un record in ritardo non finisce in un'altra transazione (KIP-890)";
            feature_replicas: "1: more replicas may lead without losing records (KIP-966)", "1: più repliche possono guidare senza perdere record (KIP-966)";
            feature_share: "1: share groups, which read a topic like a queue (KIP-932)", "1: share group, che leggono un topic come una coda (KIP-932)";
            feature_streams: "1: the broker assigns the tasks of Kafka Streams (KIP-1071)", "1: è il broker ad assegnare i task di Kafka Streams (KIP-1071)";
            no_trouble: "Every partition has a leader and all its replicas in sync.", "Ogni partizione ha un leader e tutte le repliche in sync.";

            // A new topic.
            create_topic: "Create a topic", "Crea un topic";
            create: "Create", "Crea";
            topic_name: "Name", "Nome";
            topic_internal_fault: "Names that begin with __ are Kafka's own", "I nomi che cominciano con __ sono riservati a Kafka";
            brokers_default: "broker's default", "predefinito";
            partitions_note: "How many can read it at once; more can be added later, never fewer",
                "In quanti possono leggerlo insieme; si possono aggiungere, mai togliere";
            replication_word: "Replication", "Replicazione";
            replication_note: "Copies of each record; 3 survive the loss of a broker", "Copie di ogni record; con 3 si può perdere un broker";
            number_from_one: "A whole number from 1", "Un numero intero da 1 in su";
            settings_word: "Settings", "Impostazioni";
            other_settings: "Other settings", "Altre impostazioni";
            others_note: "One a line: name=value", "Una per riga: nome=valore";
            others_fault: "Line {line}: write name=value, each name once", "Riga {line}: scrivi nome=valore, ogni nome una volta sola";
            demo_no_settings: "The demo broker keeps one copy of everything and knows no settings", "Il broker di prova tiene una copia di tutto e non conosce impostazioni";
            no_limit: "no limit", "senza limite";
            note_cleanup: "Old records: delete them by age and size, or keep the last of each key (compact)",
                "Record vecchi: cancellarli per età e dimensione, o tenere l'ultimo di ogni chiave (compact)";
            note_retention: "How long records are kept", "Per quanto tempo si tengono i record";
            note_min_insync: "How many copies must exist before a record counts as written (acks=all)",
                "Quante copie devono esistere perché un record risulti scritto (acks=all)";
            note_max_message: "The largest batch of records that is taken", "Il più grande gruppo di record accettato";
            note_compression: "How records are stored; producer: as they come", "Come si conservano i record; producer: così come arrivano";
        }
    };
}
