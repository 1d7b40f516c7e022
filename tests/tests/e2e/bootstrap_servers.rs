//! The forms in which users write `--bootstrap-servers`, and servers of the list that do not respond.

use tests::client::messaggi;
use tests::{Bridge, Watch, on_every_kafka};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

on_every_kafka! {
    real
    async fn one_server_of_three_is_enough_with_protocol_prefix_or_as_ipv6_address(kafka: Kafka) {
        let topic = kafka.topic("servers").await;
        let other = Bridge::start().on(&kafka).await;
        let servers = other.bootstrap_servers().await;
        let dead = local_kafka::free_ports(2).expect("two free ports");
        let dead = format!("127.0.0.1:{},localhost:{}", dead[0], dead[1]);
        let mut lists = vec![format!("{dead},PLAINTEXT://{servers}"), format!("{dead},{servers}")];
        // Machines without IPv6 run the other two.
        if let Ok(listener) = TcpListener::bind("[::1]:0").await {
            let address = listener.local_addr().expect("a bound socket has an address");
            lists.push(format!("{dead},{address}"));
            let broker = servers.clone();
            tokio::spawn(async move {
                while let Ok((mut client, _)) = listener.accept().await {
                    let broker = broker.clone();
                    tokio::spawn(async move {
                        let mut kafka = TcpStream::connect(broker).await?;
                        copy_bidirectional(&mut client, &mut kafka).await
                    });
                }
            });
        }
        for (round, list) in (0..).zip(&lists) {
            let bridge = Bridge::start().option("--bootstrap-servers", list).await;
            let mut client = bridge.client().await;
            client.write(messaggi(&topic, 10)).await;
            let watch = client.subscribe(&Watch::tail(&topic)).await;
            let read = client.records(watch, 10 * (round + 1)).await;
            assert_eq!(read.len(), 10 * (round + 1), "{list}");
        }
    }
}
