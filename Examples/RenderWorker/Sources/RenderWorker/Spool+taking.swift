import Glibc
import SystemPackage

extension Spool {
    /// What came of taking one name.
    enum Taken {
        case taken(SpoolItem)
        case vanished
        case notYet
        case stuck(SpoolError)
    }

    /// Takes one name out of its directory, if it is still there and nobody is still writing to it.
    func take(_ arrival: Arrival, settled: Bool) -> Taken {
        let folder = folder(arrival.entrance)
        guard let facts = try? folder.facts(of: arrival.name) else { return .vanished }
        guard facts.kind == .regular else {
            return setAside(arrival, facts, "is \(facts.kind.rawValue), no regular file")
        }
        if !settled, !watch.isComplete(arrival), abs(Self.now() - facts.changed) < Self.settlingTime { return .notYet }
        let file: FileDescriptor
        do throws(Errno) {
            file = try folder.open(arrival.name)
        } catch .noSuchFileOrDirectory {
            return .vanished
        } catch .wouldBlock {
            // Somebody holds a lease on it; the kernel takes it away in a while (fcntl(2), F_SETLEASE).
            return .notYet
        } catch let error where [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory].contains(error) {
            return stuck(arrival, "opened", error)
        } catch {
            return setAside(arrival, facts, "cannot be read: \(error)")
        }
        defer { try? file.close() }
        return claim(arrival, file)
    }

    /// Moves an open file to `running` and reads it, if it is one that can be believed.
    private func claim(_ arrival: Arrival, _ file: FileDescriptor) -> Taken {
        guard let facts = try? file.facts() else { return .vanished }
        if let reason = Self.objection(to: facts, in: arrival.entrance) { return setAside(arrival, facts, reason) }
        let id = JobID()
        beforeMoving()
        do throws(Errno) {
            try folder(arrival.entrance).move(arrival.name, to: folder(.running), as: id.file)
        } catch .noSuchFileOrDirectory {
            return .vanished
        } catch {
            return cannotMove(arrival, facts, error)
        }
        let reason: String
        // Between the opening and the move the name may have been given to another file.
        if (try? folder(.running).facts(of: id.file).identity) != facts.identity {
            reason = "was exchanged for another while it was taken up"
        } else {
            do throws(Errno) {
                let bytes = try file.contents(limit: JobDescription.maximumSize)
                return .taken(item(id, arrival, facts, .jobFile(bytes)))
            } catch {
                reason = "cannot be read: \(error)"
            }
        }
        // What cannot be moved on now is when its result is written.
        try? move(id.file, from: .running, to: .bad, as: id.file)
        return .taken(item(id, arrival, facts, .unusable(reason)))
    }

    /// Why an open file cannot be a job of its owner, or `nil`.
    static func objection(to facts: FileFacts, in entrance: SpoolFolder) -> String? {
        if entrance == .newRoot, facts.owner.rawValue != 0 {
            return "belongs to user id \(facts.owner.rawValue), who could have written it; put a copy of root's there"
        }
        if facts.kind != .regular { return "is \(facts.kind.rawValue), no regular file" }
        if facts.links != 1 {
            return "has \(facts.links) names, so it may be the file of somebody else; put a copy there"
        }
        if facts.permissions & 0o022 != 0 {
            return "has mode \(String(facts.permissions, radix: 8)), so others than its owner could have written it; "
                + "chmod go-w it"
        }
        if facts.size > Int64(JobDescription.maximumSize) {
            return "has \(facts.size) bytes; a job file has at most \(JobDescription.maximumSize)"
        }
        return nil
    }

    /// Moves what is no job file to `bad`, as it is and without opening it.
    private func setAside(_ arrival: Arrival, _ facts: FileFacts, _ reason: String) -> Taken {
        let id = JobID()
        do throws(Errno) {
            try folder(arrival.entrance).move(arrival.name, to: folder(.bad), as: id.file)
        } catch .noSuchFileOrDirectory {
            return .vanished
        } catch {
            return cannotMove(arrival, facts, error)
        }
        return .taken(item(id, arrival, facts, .unusable(reason)))
    }

    /// Tells what can never be moved from what cannot at the moment.
    ///
    /// A mount point stays where it is, and a user may have made one: it is reported once and then passed over.
    /// Everything else is the state of the file system. Any submitter can fill that, and a good file must not be given
    /// up for it.
    private func cannotMove(_ arrival: Arrival, _ facts: FileFacts, _ error: Errno) -> Taken {
        guard error == .resourceBusy || error == .improperLink else { return stuck(arrival, "moved", error) }
        immovable.insert(facts.identity)
        let reason = "cannot be moved out of the spool (\(error)), so it stays there; remove it"
        return .taken(item(JobID(), arrival, facts, .unusable(reason)))
    }

    private func stuck(_ arrival: Arrival, _ participle: String, _ error: Errno) -> Taken {
        watch.keep(arrival)
        return .stuck(
            SpoolError(
                path: path.appending(arrival.entrance.rawValue).appending(arrival.name),
                message: "cannot be \(participle) at the moment (\(error)), and is tried again; look after the file "
                    + "system and the limits of the worker"
            )
        )
    }

    private func item(
        _ id: JobID,
        _ arrival: Arrival,
        _ facts: FileFacts,
        _ content: SpoolItem.Content
    ) -> SpoolItem {
        SpoolItem(
            id: id,
            fileName: arrival.name.string,
            entrance: arrival.entrance,
            owner: facts.owner,
            content: content
        )
    }

    /// What has come in, the oldest last, without the drafts of submitters: names that begin with a dot.
    func arrivals() throws(SpoolError) -> [Arrival] {
        var found: [(Arrival, FileFacts)] = []
        for entrance in SpoolFolder.entrances where folders[entrance] != nil {
            for name in try names(in: entrance) where !name.string.hasPrefix(".") {
                guard let facts = try? folder(entrance).facts(of: name), !immovable.contains(facts.identity) else {
                    continue
                }
                found.append((Arrival(entrance: entrance, name: name), facts))
            }
        }
        return found.sorted { ($0.1.changed, $0.0.name.string) > ($1.1.changed, $1.0.name.string) }.map(\.0)
    }

    private static func now() -> Double {
        var time = timespec()
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
