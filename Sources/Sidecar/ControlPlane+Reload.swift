// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import Identity
import Runtime
import Telemetry

/// Another configuration in a running process: everything is read and made ready first, then takes effect at once and
/// whole; or nothing does, and the one in force stays (DESIGN §10).
extension ControlPlane {
    /// Reads the configuration anew. Attempts that come at the same time follow one another.
    func reload() async -> ReloadReport {
        let before = reloading
        let task = Task(executorPreference: loop) {
            _ = await before?.value
            return await self.attemptReload()
        }
        reloading = task
        return await task.value
    }

    private func attemptReload() async -> ReloadReport {
        var problems: [String] = []
        if isDraining {
            problems = ["this process is stopping"]
        } else {
            do throws(LoadProblems) { try await adoptFiles() } catch { problems = error.lines }
        }
        let report = ReloadReport(
            time: Clock.wallTime(),
            generation: snapshot.plan.generation,
            problems: problems
        )
        lastReload = report
        if problems.isEmpty {
            count(.reloads)
            notice("configuration \(report.generation) is in force")
        } else {
            count(.reloadFailures)
            for problem in problems { notice("reload: \(problem)") }
            notice("reload: nothing was changed; configuration \(report.generation) stays in force")
        }
        return report
    }

    private func adoptFiles() async throws(LoadProblems) {
        for _ in 0..<5 {
            if try await adoptFilesOnce() { return }
            // Somebody is at work on them.
            await loop.sleep(until: Clock.now() + .milliseconds(100))
        }
        throw LoadProblems(["the files change faster than they can be read"])
    }

    /// - Returns: false when a file was changed while they were read, so that they may not belong together.
    private func adoptFilesOnce() async throws(LoadProblems) -> Bool {
        let files = FileSet()
        standing.lastRead = files
        let loader = try Loader(
            path: standing.loader.configuration.file,
            environment: standing.loader.environment,
            now: Clock.wallTime(),
            files: files,
            madeUp: standing.loader.hasConfiguredKeys ? nil : standing.loader.keys
        )
        try refuseWhatCannotChange(loader)
        let control = try loader.sources()
        // What workers will ask for at once is fetched before they can.
        let keys = try await freshKeys(control, files)
        let looked = Set(standing.loader.configuration.upstreams.flatMap(\.endpoints))
        for upstream in loader.configuration.upstreams
        where upstream.endpoints.contains(where: { resolved[$0] == nil && !looked.contains($0) }) {
            await resolve(upstream.endpoints, of: upstream.name)
        }
        // From here on nothing waits, so nothing changes beside it.
        return try commit(loader, keys)
    }

    /// What a running process cannot change, and what would lose data.
    private func refuseWhatCannotChange(_ next: Loader) throws(LoadProblems) {
        let (old, new) = (standing.loader.configuration, next.configuration)
        var problems: [String] = []
        func note(_ path: String, _ message: String) {
            problems.append(new.problem(at: path, message).description)
        }
        let restart = "needs a new process: bulkhead serve --take-over"
        if next.workerCount != workers.count { note("workers", "another number \(restart)") }
        if old.admin.socket != new.admin.socket { note("admin.socket", "another path \(restart)") }
        if old.ownership != new.ownership { note("ownership", "another table \(restart)") }
        if old.admin.address != new.admin.address { note("admin.address", "another address \(restart)") }
        if old.telemetry.tenantsLabelled != new.telemetry.tenantsLabelled {
            note("telemetry.tenants_labelled", "another number \(restart)")
        }
        if next.leases != standing.loader.leases {
            // The new ones' processes would be taken from those who have the old ones.
            note("upstreams", "another agent that is leased, or other endpoints of one, \(restart)")
        }
        let encodings = next.routeEncodings
        for (place, route) in new.routes.enumerated() where !new.migrate.contains(route.name) {
            guard let before = standing.encodings[route.name],
                let difference = encodings[route.name]?.difference(from: before)
            else { continue }
            note(
                "routes[\(place)].name",
                "\(difference): what its tenants have stored would not be found again. To do it all the same, "
                    + "write \"migrate: [\(route.name)]\""
            )
        }
        guard problems.isEmpty else { throw LoadProblems(problems) }
    }

    // MARK: issuers

    /// The keys of issuers that nobody looks after yet, by name; those of files are always read. An issuer that was there
    /// before and does not answer holds nothing up: its keys come when they come, as they would have without this.
    private func freshKeys(_ sources: [ControlPlan.KeySource], _ files: FileSet) async throws(LoadProblems)
        -> [String: KeySet]
    {
        var fresh: [String: KeySet] = [:]
        var problems: [String] = []
        for source in sources where source.hasKeys {
            let isKnown = plan.keySources.contains { $0.isSame(as: source) }
            if isKnown, !source.isFile { continue }
            do {
                fresh[source.issuer] = try await KeyLoader(client: client, files: files).load(source)
            } catch {
                problems.append("issuer \(source.issuer): its keys could not be fetched: \(error)")
            }
        }
        guard problems.isEmpty else { throw LoadProblems(problems) }
        return fresh
    }

    private func keyRing(_ sources: [ControlPlan.KeySource], _ fresh: [String: KeySet]) -> KeyRing {
        let now = Clock.wallTime()
        var ring = KeyRing(issuers: sources.count)
        for (place, source) in sources.enumerated() {
            if let set = fresh[source.issuer] {
                ring.replace(issuer: place, with: set, fetchedAt: now, staleAt: source.staleAt(now))
            } else if let old = plan.keySources.firstIndex(where: { $0.isSame(as: source) }),
                let keys = snapshot.identity.keys[old]
            {
                ring.replace(issuer: place, with: keys.set, fetchedAt: keys.fetchedAt, staleAt: keys.staleAt)
            }
        }
        return ring
    }

    /// Begins to look after an issuer's keys.
    /// - Returns: the number of who does.
    func startWatching(_ source: ControlPlan.KeySource, at place: Int) -> Int {
        lastWatch += 1
        let id = lastWatch
        var watch = IssuerWatch(source, now: Clock.now())
        if snapshot.identity.keys[place] != nil {
            _ = watch.schedule.tick(now: Clock.now())
            watch.schedule.fetched(now: Clock.now(), spread: UInt8(truncatingIfNeeded: entropy.integer()))
        }
        issuers[id] = watch
        if source.hasKeys { Task(executorPreference: loop) { await self.refreshKeys(id) } }
        return id
    }

    /// Issuers that are the same keep who looks after them, and who waits.
    private func rewatchIssuers(replacing old: ControlPlan) {
        let before = issuerIDs
        issuerIDs = plan.keySources.enumerated().map { place, source in
            let same = old.keySources.firstIndex { $0.isSame(as: source) && $0.refresh == source.refresh }
            return same.map { before[$0] } ?? startWatching(source, at: place)
        }
        for id in before where !issuerIDs.contains(id) {
            release(id)
            issuers[id] = nil
        }
    }

    // MARK: taking effect

    /// - Returns: false, with nothing changed, when the files may not belong together.
    private func commit(_ loader: Loader, _ fresh: [String: KeySet]) throws(LoadProblems) -> Bool {
        do {
            older = older.filter { $0.value.gateway != nil }
            var busy: Set<Int> = []
            for old in older.values { busy.formUnion(old.gateway?.routes.map(\.upstream) ?? []) }
            let (places, newUpstreams) = try loader.places(after: standing.places, busy: busy)
            let next = try loader.makeSnapshot(
                places,
                replacing: snapshot,
                keys: keyRing(loader.sources(), fresh),
                hasSameCredentials: loader.hasCredentials(of: standing.loader)
            )
            let workerPlan = try loader.workerPlan(
                next,
                places,
                replacing: standing.workerPlan,
                workers: workers.count,
                descriptors: standing.descriptors
            )
            let controlPlan = try loader.controlPlan(workerPlan)
            let newLog = try Self.open(controlPlan.accessLog)
            let newAudit = try openAudit(controlPlan.auditLog)
            guard loader.files.isCurrent else { return false }
            let sockets = try openListeners(workerPlan)
            // Nothing fails any more.
            let old = plan
            older[snapshot.plan.generation] = OlderPlan(control: old, gateway: snapshot.plan)
            plan = controlPlan
            snapshot = next
            log = newLog
            ownership.renew(controlPlan.ownership)
            if newAudit != nil || controlPlan.auditLog == nil {
                audit = newAudit
                beginAudit()
            }
            provisions = provisions.filter { if case .underWay = $0.value { true } else { false } }
            adopted(loader, places, workerPlan, sockets, newUpstreams)
            rewatchIssuers(replacing: old)
            return true
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    /// Nil where the one in use goes on, and where none is wanted.
    private func openAudit(_ path: String?) throws(Files.Failure) -> AuditSink? {
        guard let path else { return nil }
        if let audit { return try audit.reopened(at: path) }
        return try AuditSink(path: path, name: entropy.integer())
    }

    /// The new listeners' sockets, by worker.
    private func openListeners(_ next: WorkerPlan) throws(LoadProblems) -> [[ListenerSocket]] {
        var sockets: [[ListenerSocket]] = Array(repeating: [], count: workers.count)
        let open = standing.workerPlan.listeners
        for (place, listener) in next.listeners.enumerated()
        where listener.isOpen && !(place < open.count && open[place].isOpen) {
            var address = listener.address
            for worker in workers.indices {
                let socket = try Sidecar.bind(address, listener.name)
                address = socket.localAddress() ?? address
                sockets[worker].append(ListenerSocket(place: place, socket: socket))
            }
            notice("\(listener.name) listens on \(address)")
        }
        return sockets
    }

    private func adopted(
        _ loader: Loader,
        _ places: Places,
        _ workerPlan: WorkerPlan,
        _ sockets: [[ListenerSocket]],
        _ newUpstreams: [Int]
    ) {
        var addresses: [Int: [SocketAddress]] = [:]
        for place in newUpstreams { addresses[place] = self.addresses(of: places.upstreams[place]) }
        for (index, worker) in workers.enumerated() {
            worker.send(.adopt(workerPlan, sockets[index], addresses: addresses))
        }
        standing.sockets.removeAll { !workerPlan.listeners[$0.place].isOpen }
        standing.sockets += sockets.flatMap(\.self)
        standing.loader = loader
        standing.places = places
        standing.workerPlan = workerPlan
        standing.encodings.merge(loader.routeEncodings) { $1 }
        for (place, upstream) in places.upstreams.enumerated() where upstream.isRetired {
            upstreamWatches[place] = nil
            healthyEndpoints[place] = nil
        }
        for place in newUpstreams { startWatching(place, sent: addresses[place]) }
        let used = Set(loader.configuration.upstreams.flatMap(\.endpoints))
        resolved = resolved.filter { used.contains($0.key) }
        startWatchingFiles()
    }

    /// What a request's own configuration says; nil when no request has it any more.
    func plan(of generation: UInt64) -> ControlPlan? {
        generation == snapshot.plan.generation ? plan : older[generation]?.control
    }

    func gatewayPlan(of generation: UInt64) -> GatewayPlan? {
        generation == snapshot.plan.generation ? snapshot.plan : older[generation]?.gateway
    }

    // MARK: files

    /// Begins to look after the files, if the configuration wants that.
    func startWatchingFiles() {
        guard wantsToWatchFiles, !isWatchingFiles else { return }
        isWatchingFiles = true
        Task(executorPreference: loop) { await self.watchFiles() }
    }

    private var wantsToWatchFiles: Bool { !isDraining && standing.loader.configuration.reload.watch }

    /// Takes over what was changed in the files, a moment after it was. Looks now and then besides: not every file
    /// system tells of what others do, and not every user may have another inotify.
    private func watchFiles() async {
        defer { isWatchingFiles = false }
        let watch = folderWatch()
        defer { if let watch { loop.forget(watch.raw) } }
        while wantsToWatchFiles {
            if let watch {
                watch.look(at: standing.lastRead.foldersToWatch)
                if standing.lastRead.isCurrent {
                    _ = await loop.ready(watch.raw, .reading, until: Clock.now() + .seconds(10))
                }
            } else {
                await loop.sleep(until: Clock.now() + .milliseconds(250))
            }
            guard !standing.lastRead.isCurrent else {
                // Something else in the same folder; not more often than it can matter.
                await loop.sleep(until: Clock.now() + .milliseconds(50))
                continue
            }
            await loop.sleep(until: Clock.now() + standing.loader.configuration.reload.debounce)
            // A reload by command may have ended the watch meanwhile.
            if wantsToWatchFiles { _ = await self.reload() }
        }
    }

    private func folderWatch() -> FolderWatch? {
        do throws(SystemError) {
            let watch = try FolderWatch()
            try loop.watch(watch.raw)
            return watch
        } catch {
            notice("files are looked at four times a second, since they cannot be watched: \(error)")
            return nil
        }
    }
}
