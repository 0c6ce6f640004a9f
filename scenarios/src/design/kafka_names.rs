//! The names of Kafka's settings that a file may use, and those that exist but are not modelled yet.
//! As Kafka 4.1.1 (`kafka-configs --describe --all`, the clients' tables) and librdkafka 2.16 print them.

use super::settings::Table;

/// A topic's settings.
pub(crate) const TOPIC: Table = Table {
    of: "a topic of Kafka",
    modelled: &[
        "retention.ms",
        "retention.bytes",
        "segment.bytes",
        "segment.ms",
    ],
    known: &["cleanup.policy compression.gzip.level compression.lz4.level compression.type compression.zstd.level
        delete.retention.ms file.delete.delay.ms flush.messages flush.ms
        follower.replication.throttled.replicas index.interval.bytes leader.replication.throttled.replicas
        local.retention.bytes local.retention.ms max.compaction.lag.ms max.message.bytes
        message.timestamp.after.max.ms message.timestamp.before.max.ms message.timestamp.type
        min.cleanable.dirty.ratio min.compaction.lag.ms min.insync.replicas preallocate remote.log.copy.disable
        remote.log.delete.on.disable remote.storage.enable segment.index.bytes segment.jitter.ms
        unclean.leader.election.enable"],
};

/// The broker's settings.
pub(crate) const BROKER: Table = Table {
    of: "Kafka's broker",
    modelled: &[
        "num.partitions",
        "log.retention.check.interval.ms",
        "log.retention.ms",
        "log.retention.bytes",
        "log.segment.bytes",
        "log.roll.ms",
    ],
    known: &["add.partitions.to.txn.retry.backoff.max.ms add.partitions.to.txn.retry.backoff.ms
        alter.config.policy.class.name alter.log.dirs.replication.quota.window.num
        alter.log.dirs.replication.quota.window.size.seconds authorizer.class.name auto.create.topics.enable
        auto.leader.rebalance.enable background.threads broker.heartbeat.interval.ms broker.rack
        broker.session.timeout.ms client.quota.callback.class compression.gzip.level compression.lz4.level
        compression.type compression.zstd.level connection.failed.authentication.delay.ms
        connections.max.idle.ms connections.max.reauth.ms controlled.shutdown.enable
        controller.quorum.append.linger.ms controller.quorum.election.backoff.max.ms
        controller.quorum.election.timeout.ms controller.quorum.fetch.timeout.ms
        controller.quorum.request.timeout.ms controller.quorum.retry.backoff.ms controller.quota.window.num
        controller.quota.window.size.seconds controller.socket.timeout.ms create.topic.policy.class.name
        default.replication.factor delegation.token.expiry.check.interval.ms delegation.token.expiry.time.ms
        delegation.token.max.lifetime.ms delete.records.purgatory.purge.interval.requests delete.topic.enable
        early.start.listeners fetch.max.bytes fetch.purgatory.purge.interval.requests group.consumer.assignors
        group.consumer.heartbeat.interval.ms group.consumer.max.heartbeat.interval.ms
        group.consumer.max.session.timeout.ms group.consumer.max.size group.consumer.migration.policy
        group.consumer.min.heartbeat.interval.ms group.consumer.min.session.timeout.ms
        group.consumer.session.timeout.ms group.coordinator.append.linger.ms
        group.coordinator.rebalance.protocols group.coordinator.threads group.initial.rebalance.delay.ms
        group.max.session.timeout.ms group.max.size group.min.session.timeout.ms group.share.assignors
        group.share.delivery.count.limit group.share.heartbeat.interval.ms
        group.share.max.heartbeat.interval.ms group.share.max.record.lock.duration.ms
        group.share.max.session.timeout.ms group.share.max.share.sessions group.share.max.size
        group.share.min.heartbeat.interval.ms group.share.min.record.lock.duration.ms
        group.share.min.session.timeout.ms group.share.partition.max.record.locks
        group.share.record.lock.duration.ms group.share.session.timeout.ms group.streams.heartbeat.interval.ms
        group.streams.max.heartbeat.interval.ms group.streams.max.session.timeout.ms group.streams.max.size
        group.streams.max.standby.replicas group.streams.min.heartbeat.interval.ms
        group.streams.min.session.timeout.ms group.streams.num.standby.replicas
        group.streams.session.timeout.ms initial.broker.registration.timeout.ms
        kafka.metrics.polling.interval.secs kafka.metrics.reporters leader.imbalance.check.interval.seconds
        log.cleaner.backoff.ms log.cleaner.dedupe.buffer.size log.cleaner.delete.retention.ms
        log.cleaner.enable log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size
        log.cleaner.io.max.bytes.per.second log.cleaner.max.compaction.lag.ms log.cleaner.min.cleanable.ratio
        log.cleaner.min.compaction.lag.ms log.cleaner.threads log.cleanup.policy log.dir.failure.timeout.ms
        log.flush.interval.messages log.flush.interval.ms log.flush.offset.checkpoint.interval.ms
        log.flush.scheduler.interval.ms log.flush.start.offset.checkpoint.interval.ms log.index.interval.bytes
        log.index.size.max.bytes log.initial.task.delay.ms log.local.retention.bytes log.local.retention.ms
        log.message.timestamp.after.max.ms log.message.timestamp.before.max.ms log.message.timestamp.type
        log.preallocate log.retention.hours log.retention.minutes log.roll.hours log.roll.jitter.hours
        log.roll.jitter.ms log.segment.delete.delay.ms max.connection.creation.rate max.connections
        max.connections.per.ip max.connections.per.ip.overrides max.incremental.fetch.session.cache.slots
        max.request.partition.size.limit message.max.bytes metadata.log.max.record.bytes.between.snapshots
        metadata.log.max.snapshot.interval.ms metadata.log.segment.bytes metadata.log.segment.ms
        metadata.max.idle.interval.ms metadata.max.retention.bytes metadata.max.retention.ms metric.reporters
        metrics.num.samples metrics.recording.level metrics.sample.window.ms min.insync.replicas num.io.threads
        num.network.threads num.recovery.threads.per.data.dir num.replica.alter.log.dirs.threads
        num.replica.fetchers offset.metadata.max.bytes offsets.commit.timeout.ms offsets.load.buffer.size
        offsets.retention.check.interval.ms offsets.retention.minutes offsets.topic.compression.codec
        offsets.topic.num.partitions offsets.topic.replication.factor offsets.topic.segment.bytes
        principal.builder.class producer.id.expiration.ms producer.purgatory.purge.interval.requests
        queued.max.request.bytes queued.max.requests quota.window.num quota.window.size.seconds
        remote.fetch.max.wait.ms remote.list.offsets.request.timeout.ms
        remote.log.index.file.cache.total.size.bytes remote.log.manager.copier.thread.pool.size
        remote.log.manager.copy.max.bytes.per.second remote.log.manager.copy.quota.window.num
        remote.log.manager.copy.quota.window.size.seconds remote.log.manager.expiration.thread.pool.size
        remote.log.manager.fetch.max.bytes.per.second remote.log.manager.fetch.quota.window.num
        remote.log.manager.fetch.quota.window.size.seconds remote.log.manager.task.interval.ms
        remote.log.manager.thread.pool.size remote.log.metadata.custom.metadata.max.bytes
        remote.log.metadata.manager.class.name remote.log.metadata.manager.class.path
        remote.log.metadata.manager.impl.prefix remote.log.metadata.manager.listener.name
        remote.log.reader.max.pending.tasks remote.log.reader.threads remote.log.storage.manager.class.name
        remote.log.storage.manager.class.path remote.log.storage.manager.impl.prefix
        remote.log.storage.system.enable replica.fetch.backoff.ms replica.fetch.max.bytes
        replica.fetch.min.bytes replica.fetch.response.max.bytes replica.fetch.wait.max.ms
        replica.high.watermark.checkpoint.interval.ms replica.lag.time.max.ms replica.selector.class
        replica.socket.receive.buffer.bytes replica.socket.timeout.ms replication.quota.window.num
        replication.quota.window.size.seconds request.timeout.ms sasl.client.callback.handler.class
        sasl.enabled.mechanisms sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin
        sasl.kerberos.principal.to.local.rules sasl.kerberos.service.name sasl.kerberos.ticket.renew.jitter
        sasl.kerberos.ticket.renew.window.factor sasl.login.callback.handler.class sasl.login.class
        sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds
        sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor sasl.login.refresh.window.jitter
        sasl.login.retry.backoff.max.ms sasl.login.retry.backoff.ms sasl.mechanism.controller.protocol
        sasl.mechanism.inter.broker.protocol sasl.oauthbearer.assertion.algorithm
        sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
        sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
        sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
        sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file
        sasl.oauthbearer.assertion.template.file sasl.oauthbearer.client.credentials.client.id
        sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer
        sasl.oauthbearer.jwks.endpoint.refresh.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms
        sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.url
        sasl.oauthbearer.jwt.retriever.class sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.scope
        sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url
        sasl.server.callback.handler.class sasl.server.max.receive.size security.inter.broker.protocol
        security.providers share.coordinator.append.linger.ms share.coordinator.load.buffer.size
        share.coordinator.snapshot.update.records.per.snapshot share.coordinator.state.topic.compression.codec
        share.coordinator.state.topic.min.isr share.coordinator.state.topic.num.partitions
        share.coordinator.state.topic.replication.factor share.coordinator.state.topic.segment.bytes
        share.coordinator.threads share.coordinator.write.timeout.ms
        share.fetch.purgatory.purge.interval.requests socket.connection.setup.timeout.max.ms
        socket.connection.setup.timeout.ms socket.listen.backlog.size socket.receive.buffer.bytes
        socket.request.max.bytes socket.send.buffer.bytes ssl.allow.dn.changes ssl.allow.san.changes
        ssl.cipher.suites ssl.client.auth ssl.enabled.protocols ssl.endpoint.identification.algorithm
        ssl.engine.factory.class ssl.keymanager.algorithm ssl.keystore.location ssl.keystore.type
        ssl.principal.mapping.rules ssl.protocol ssl.provider ssl.secure.random.implementation
        ssl.trustmanager.algorithm ssl.truststore.location ssl.truststore.type telemetry.max.bytes
        transaction.abort.timed.out.transaction.cleanup.interval.ms transaction.max.timeout.ms
        transaction.partition.verification.enable transaction.remove.expired.transaction.cleanup.interval.ms
        transaction.state.log.load.buffer.size transaction.state.log.min.isr
        transaction.state.log.num.partitions transaction.state.log.replication.factor
        transaction.state.log.segment.bytes transaction.two.phase.commit.enable transactional.id.expiration.ms
        unclean.leader.election.enable"],
};

/// Settings of producers and consumers, of the Java client and of librdkafka.
pub(crate) const CLIENT: Table = Table {
    of: "a client of Kafka",
    modelled: &[
        "acks",
        "retries",
        "request.timeout.ms",
        "max.in.flight.requests.per.connection",
        "group.id",
        "enable.auto.commit",
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "max.poll.records",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "fetch.max.wait.ms",
        "reconnect.backoff.ms",
    ],
    known: &["allow.auto.create.topics api.version.fallback.ms api.version.request api.version.request.timeout.ms
        auto.commit.enable batch.num.messages batch.size bootstrap.servers broker.address.family
        broker.address.ttl broker.version.fallback buffer.memory builtin.features check.crcs client.dns.lookup
        client.id client.rack client.software.name compression.codec compression.gzip.level compression.level
        compression.lz4.level compression.type compression.zstd.level connections.max.idle.ms
        consume.callback.max.messages coordinator.query.interval.ms debug default.api.timeout.ms
        delivery.report.only.error delivery.timeout.ms enable.auto.offset.store enable.gapless.guarantee
        enable.idempotence enable.metrics.push enable.partition.eof enable.random.seed
        enable.sasl.oauthbearer.unsecure.jwt enable.sparse.connections enable.ssl.certificate.verification
        enable_sasl_queue enabled_events exclude.internal.topics fetch.error.backoff.ms fetch.max.bytes
        fetch.message.max.bytes fetch.min.bytes fetch.queue.backoff.ms fetch.wait.max.ms group.instance.id
        group.protocol group.protocol.type group.remote.assignor interceptor.classes
        internal.leave.group.on.close internal.termination.signal
        internal.throw.on.fetch.stable.offset.unsupported isolation.level key.deserializer key.serializer
        linger.ms log.connection.close log.queue log.thread.name log_level max.block.ms
        max.partition.fetch.bytes max.poll.interval.ms max.request.size message.copy.max.bytes
        message.max.bytes message.send.max.retries message.timeout.ms metadata.max.age.ms metadata.max.idle.ms
        metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy metadata.request.timeout.ms
        metric.reporters metrics.num.samples metrics.recording.level metrics.sample.window.ms
        offset.store.method offset.store.path offset.store.sync.interval.ms partition.assignment.strategy
        partitioner partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms
        partitioner.class partitioner.ignore.keys produce.offset.report queue.buffering.backpressure.threshold
        queue.buffering.max.kbytes queue.buffering.max.messages queue.buffering.max.ms
        queued.max.messages.kbytes queued.min.messages queuing.strategy receive.buffer.bytes
        receive.message.max.bytes reconnect.backoff.jitter.ms reconnect.backoff.max.ms request.required.acks
        retry.backoff.max.ms retry.backoff.ms sasl.client.callback.handler.class sasl.jaas.config
        sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal
        sasl.kerberos.service.name sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor
        sasl.login.callback.handler.class sasl.login.class sasl.login.connect.timeout.ms
        sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds sasl.login.refresh.min.period.seconds
        sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.login.retry.backoff.max.ms
        sasl.login.retry.backoff.ms sasl.mechanism sasl.mechanisms sasl.oauthbearer.assertion.algorithm
        sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
        sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
        sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
        sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file
        sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.template.file
        sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
        sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer
        sasl.oauthbearer.grant.type sasl.oauthbearer.header.urlencode sasl.oauthbearer.jwks.endpoint.refresh.ms
        sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.ms
        sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwt.retriever.class
        sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.metadata.authentication.type
        sasl.oauthbearer.method sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name
        sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url security.protocol
        security.providers send.buffer.bytes share.acknowledgement.mode socket.blocking.max.ms
        socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms socket.keepalive.enable
        socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes
        socket.timeout.ms ssl.ca.certificate.stores ssl.cipher.suites ssl.enabled.protocols
        ssl.endpoint.identification.algorithm ssl.engine.factory.class ssl.engine.id ssl.key.password
        ssl.keymanager.algorithm ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location
        ssl.keystore.password ssl.keystore.type ssl.protocol ssl.provider ssl.secure.random.implementation
        ssl.trustmanager.algorithm ssl.truststore.certificates ssl.truststore.location ssl.truststore.password
        ssl.truststore.type statistics.interval.ms sticky.partitioning.linger.ms test.mock.broker.rtt
        test.mock.num.brokers topic.metadata.propagation.max.ms topic.metadata.refresh.fast.cnt
        topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.interval.ms
        topic.metadata.refresh.sparse transaction.timeout.ms transaction.two.phase.commit.enable
        transactional.id value.deserializer value.serializer"],
};

/// Settings of a group, kept by the broker.
pub(crate) const GROUP: Table = Table {
    of: "a group of Kafka",
    modelled: &[],
    known: &["group.consumer.assignors group.consumer.heartbeat.interval.ms group.consumer.max.heartbeat.interval.ms
        group.consumer.max.session.timeout.ms group.consumer.max.size group.consumer.migration.policy
        group.consumer.min.heartbeat.interval.ms group.consumer.min.session.timeout.ms
        group.consumer.regex.refresh.interval.ms group.consumer.session.timeout.ms
        group.coordinator.append.linger.ms group.coordinator.rebalance.protocols group.coordinator.threads
        group.initial.rebalance.delay.ms group.max.session.timeout.ms group.max.size
        group.min.session.timeout.ms group.share.assignors group.share.delivery.count.limit group.share.enable
        group.share.heartbeat.interval.ms group.share.max.heartbeat.interval.ms
        group.share.max.record.lock.duration.ms group.share.max.session.timeout.ms
        group.share.max.share.sessions group.share.max.size group.share.min.heartbeat.interval.ms
        group.share.min.record.lock.duration.ms group.share.min.session.timeout.ms
        group.share.partition.max.record.locks group.share.persister.class.name
        group.share.record.lock.duration.ms group.share.session.timeout.ms group.streams.heartbeat.interval.ms
        group.streams.max.heartbeat.interval.ms group.streams.max.session.timeout.ms group.streams.max.size
        group.streams.max.standby.replicas group.streams.min.heartbeat.interval.ms
        group.streams.min.session.timeout.ms group.streams.num.standby.replicas
        group.streams.session.timeout.ms offset.metadata.max.bytes offsets.commit.timeout.ms
        offsets.load.buffer.size offsets.retention.check.interval.ms offsets.retention.minutes
        offsets.topic.compression.codec offsets.topic.num.partitions offsets.topic.replication.factor
        offsets.topic.segment.bytes share.fetch.purgatory.purge.interval.requests"],
};
