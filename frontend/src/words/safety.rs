//! The words of questions before something is done to other people's data, of what waits in Kafka, and of why Kafka does not
//! answer. They are part of the one list in `words.rs`, which hands its own over to be completed.

macro_rules! with_safety_words {
    ($list:ident { $($live:tt)* }) => {
        with_group_words! { $list {
            $($live)*

            // Sending to a topic for the first time.
            produce_title: "Produce to {topic} on {cluster}?", "Inviare a {topic} su {cluster}?";
            produce_text_one: "This browser has not sent to this topic before. {n} record would be written, and Kafka takes no record back. Afterwards, sending to this topic asks no more.",
                "Questo browser non ha mai inviato a questo topic. Verrebbe scritto {n} record, e Kafka non riprende indietro nulla. Poi l'invio a questo topic non chiede più conferma.";
            produce_text_many: "This browser has not sent to this topic before. {n} records would be written, and Kafka takes no record back. Afterwards, sending to this topic asks no more.",
                "Questo browser non ha mai inviato a questo topic. Verrebbero scritti {n} record, e Kafka non riprende indietro nulla. Poi l'invio a questo topic non chiede più conferma.";
            produce_text_endless: "This browser has not sent to this topic before. Records would be written until you stop the run, and Kafka takes no record back. Afterwards, sending to this topic asks no more.",
                "Questo browser non ha mai inviato a questo topic. Verrebbero scritti record finché non fermi la serie, e Kafka non riprende indietro nulla. Poi l'invio a questo topic non chiede più conferma.";
            produce_verb: "Produce", "Invia";
            send_ten_foreign: "Send 10 writes tutorial records. This browser has not sent to {topic} yet: send one record first.",
                "Invia 10 scrive record di esempio. Questo browser non ha ancora inviato a {topic}: prima invia un record.";
            send_ten_checking: "Checking whether {topic} has records…", "Controllo se {topic} contiene record…";
            compose_closed: "You are looking at {topic}. The form to send is closed.", "Stai guardando {topic}. Il modulo per inviare è chiuso.";
            compose_open: "Send to {topic}…", "Invia a {topic}…";

            // Joining a group of others.
            join_title: "Join group {group}?", "Entrare nel gruppo {group}?";
            join_members_none: "The group has positions that this browser has not committed, and no member now.",
                "Il gruppo ha posizioni che questo browser non ha confermato, e al momento nessun membro.";
            join_members_one: "{n} member reads in this group; this page would take over a share of its partitions.",
                "{n} membro legge in questo gruppo; questa pagina prenderebbe una parte delle sue partizioni.";
            join_members_many: "{n} members read in this group; this page would take over a share of their partitions.",
                "{n} membri leggono in questo gruppo; questa pagina prenderebbe una parte delle loro partizioni.";
            join_unknown: "Kafka did not say who uses this group.", "Kafka non ha detto chi usa questo gruppo.";
            join_commits: "The bridge will commit offsets for {topics}, {partitions}: {names}.",
                "Il bridge confermerà gli offset di {topics}, {partitions}: {names}.";
            join_commits_nothing: "The bridge will read {topics}, {partitions}, and commit nothing: {names}.",
                "Il bridge leggerà {topics}, {partitions}, senza confermare nulla: {names}.";
            join_topics_one: "{n} topic", "{n} topic";
            join_topics_many: "{n} topics", "{n} topic";
            join_protocol: "The group keeps its protocol, {protocol}.", "Il gruppo mantiene il suo protocollo, {protocol}.";
            join_instead: "To read without joining, use Watch, from the group's committed offsets.",
                "Per leggere senza entrare, usa Osserva, dagli offset confermati del gruppo.";
            join_verb: "Join", "Entra";
            group_browse: "Browse from its committed offsets", "Sfoglia dai suoi offset confermati";
            group_browse_hint: "Shows what the group has not read yet, without joining it; nothing is committed",
                "Mostra quel che il gruppo non ha ancora letto, senza entrarvi; nulla viene confermato";
            start_committed: "committed", "confermati";
            empty_idle_next_foreign: "Start listening: records appear here as they arrive.", "Avvia l'ascolto: i record appaiono qui appena arrivano.";

            // The filter.
            filter_before_stays: "{field}: {why}. The last valid filter stays in force.", "{field}: {why}. Resta in vigore l'ultimo filtro valido.";
            filter_text: "Filter", "Filtro";
            filter_read_as: "Read as {text}", "Letto come {text}";
            export_blocked: "Correct the filter first. {why}", "Prima correggi il filtro. {why}";

            // Positions beyond the end of their partition.
            gap_out_of_range: "The group's committed offset {from} is beyond the end of the partition. Reading began at offset {begun}; nothing is committed until you confirm it",
                "L'offset {from} confermato dal gruppo è oltre la fine della partizione. La lettura è partita dall'offset {begun}; nulla viene confermato finché non lo autorizzi";
            gap_out_of_range_resumed: "The group's committed offset {from} was beyond the end of the partition. Reading began at offset {begun}, and is committed from there",
                "L'offset {from} confermato dal gruppo era oltre la fine della partizione. La lettura è partita dall'offset {begun}, e viene confermata da lì";
            gap_commit: "Commit from here…", "Conferma da qui…";
            commits_title: "Commit from here for group {group}?", "Confermare da qui per il gruppo {group}?";
            commits_text: "Partition {partition} of {topic}: the position of group {group} moves from {old} to {new}, and goes on with what this page reads. The old position is lost.",
                "Partizione {partition} di {topic}: la posizione del gruppo {group} passa da {old} a {new} e prosegue con quel che questa pagina legge. La posizione di prima va persa.";
            commits_verb: "Commit from here", "Conferma da qui";
            commits_held_one: "Nothing is committed for {n} partition: the group's committed offset is beyond its end. To commit again, use “Commit from here” in its row.",
                "Per {n} partizione non viene confermato nulla: l'offset confermato dal gruppo è oltre la sua fine. Per riprendere usa «Conferma da qui» nella sua riga.";
            commits_held_many: "Nothing is committed for {n} partitions: the group's committed offsets are beyond their ends. To commit again, use “Commit from here” in their rows.",
                "Per {n} partizioni non viene confermato nulla: gli offset confermati dal gruppo sono oltre la loro fine. Per riprendere usa «Conferma da qui» nelle loro righe.";

            // What waits in Kafka.
            unread_one: "Not visible yet: an open transaction began at offset {offset} of partition {partition} ({n} record waits)",
                "Non ancora visibile: una transazione aperta è cominciata all'offset {offset} della partizione {partition} ({n} record in attesa)";
            unread_many: "Not visible yet: an open transaction began at offset {offset} of partition {partition} ({n} records wait)",
                "Non ancora visibili: una transazione aperta è cominciata all'offset {offset} della partizione {partition} ({n} record in attesa)";
            unread_partitions: "Not visible yet: {n} records wait behind open transactions in {partitions}",
                "Non ancora visibili: {n} record attendono dietro transazioni aperte in {partitions}";
            unread_next: "Consumers that read committed records see them when the transaction ends.",
                "I consumer che leggono record confermati li vedono quando la transazione finisce.";
            wait_in_sync: "Kafka does not take records for {place}: too few replicas are in sync (min.insync.replicas).",
                "Kafka non accetta record per {place}: troppo poche repliche sono sincronizzate (min.insync.replicas).";
            wait_no_leader: "Records for {place} wait: the partition has no leader.", "I record per {place} attendono: la partizione non ha un leader.";
            wait_transaction: "Written to {place} and not visible yet: an open transaction began at offset {offset}.",
                "Scritto in {place} e non ancora visibile: una transazione aperta è cominciata all'offset {offset}.";
            wait_more: "{text} The same in {n} more partitions.", "{text} Lo stesso in altre {n} partizioni.";
            wait_next: "The records are sent when the partition takes them again; nothing is lost meanwhile.",
                "I record vengono inviati quando la partizione li accetta di nuovo; nel frattempo nulla va perso.";

            // Why Kafka does not answer, and which property to change.
            down_dns: "The host name of {broker} cannot be resolved.", "Il nome host di {broker} non si risolve.";
            down_dns_next: "Correct it in --bootstrap-servers, or the DNS of the bridge's machine.",
                "Correggilo in --bootstrap-servers, oppure il DNS della macchina del bridge.";
            down_refused: "No Kafka broker listens at {broker}.", "Nessun broker Kafka è in ascolto su {broker}.";
            down_refused_next: "Check the address in --bootstrap-servers, and that Kafka runs there.",
                "Controlla l'indirizzo in --bootstrap-servers e che Kafka sia avviato.";
            down_tls: "TLS with {broker} failed.", "TLS con {broker} non riuscito.";
            down_tls_next: "Check security.protocol and the port: a listener speaks either TLS (SSL, SASL_SSL) or plaintext.",
                "Controlla security.protocol e la porta: un listener parla o TLS (SSL, SASL_SSL) o in chiaro.";
            down_certificate: "A certificate was rejected at {broker}.", "Un certificato è stato rifiutato su {broker}.";
            down_certificate_next: "Check ssl.ca.location, and the host name and dates of the broker's certificate; where Kafka asks for a client certificate, ssl.certificate.location.",
                "Controlla ssl.ca.location, e il nome host e le date del certificato del broker; se Kafka chiede un certificato del client, ssl.certificate.location.";
            down_authentication: "Kafka at {broker} refused the credentials.", "Kafka su {broker} ha rifiutato le credenziali.";
            down_authentication_next: "Check sasl.mechanism, sasl.username and sasl.password. The bridge tries again only now and then, so that no account is locked.",
                "Controlla sasl.mechanism, sasl.username e sasl.password. Il bridge riprova solo ogni tanto, per non bloccare l'account.";
            down_advertised: "Kafka answers, but the address that it advertises, {broker}, cannot be reached from the bridge.",
                "Kafka risponde, ma l'indirizzo che annuncia, {broker}, non è raggiungibile dal bridge.";
            down_advertised_next: "Correct advertised.listeners of the broker, or make that address reachable.",
                "Correggi advertised.listeners del broker, o rendi raggiungibile quell'indirizzo.";
            down_timed_out: "{broker} does not answer in time.", "{broker} non risponde in tempo.";
            down_timed_out_next: "Check the address in --bootstrap-servers, and firewalls between the bridge and Kafka.",
                "Controlla l'indirizzo in --bootstrap-servers e i firewall tra il bridge e Kafka.";
            down_forbidden: "Kafka at {broker} forbids what the bridge asks.", "Kafka su {broker} vieta ciò che il bridge chiede.";
            down_forbidden_next: "Give the bridge's user the permission (an ACL), or use another one.",
                "Dai il permesso (un'ACL) all'utente del bridge, o usane un altro.";

            // Errors of single requests and records.
            error_too_many_requests: "Too many requests wait for Kafka: try again in a moment.", "Troppe richieste attendono Kafka: riprova tra un momento.";
            error_too_many_readers: "The bridge has as many consumers as it may have: stop listening elsewhere first.",
                "Il bridge ha già tutti i consumer che può avere: prima ferma un altro ascolto.";
            error_sequence_reused: "Not written: another record was sent under the same number.", "Non scritto: un altro record è stato inviato con lo stesso numero.";
            error_sequence_expired: "The bridge no longer remembers this record's number: whether it was written is not known here.",
                "Il bridge non ricorda più il numero di questo record: qui non si sa se è stato scritto.";
            error_too_few_replicas: "Not written: too few replicas are in sync (min.insync.replicas).",
                "Non scritto: troppo poche repliche sono sincronizzate (min.insync.replicas).";
        } }
    };
}
