/// Something the library says of itself, and whether this run bears it out.
struct Claim: Codable, Hashable, Sendable {
    /// How much longer an isolated launch of a big daemon may take than one of a small daemon.
    static let flatness = 1.25

    /// How much longer the `sudo` backend may take than `sudo` by itself, which proves nothing and passes nothing on.
    static let surcharge = 1.5

    /// The claim with the measured number.
    let text: String

    let holds: Bool

    /// Checks every claim: the isolated mode does not grow with the daemon, and no peer that switches identity is
    /// faster in the big one.
    static func all(of measurement: Measurement) -> [Claim] {
        guard let program = measurement.programs.first,
            let isolated = measurement.rows.firstIndex(where: { $0.name == LibraryRow.isolatedName }),
            measurement.isMeasured(isolated)
        else { return [] }
        let big = measurement.daemons.count - 1
        func series(_ daemon: Int, _ row: Int) -> Series {
            measurement.series[SeriesKey(daemon: daemon, program: program, row: row)] ?? Series()
        }
        let names = (small: measurement.daemons[0].name, big: measurement.daemons[big].name)
        var claims = [flat(PairedRatio(series(big, isolated), to: series(0, isolated), \.reaped), names)]
        for (index, row) in measurement.rows.enumerated().dropFirst()
        where row.switchesIdentity && !row.isOfTheLibrary && measurement.isMeasured(index) {
            claims.append(ahead(of: row.name, series(big, index), series(big, isolated), in: names.big))
        }
        if let alone = measurement.rows.firstIndex(where: { $0.name == "sudo -u" }),
            let sudo = measurement.rows.firstIndex(where: { $0.name == "sudo" }),
            measurement.isMeasured(alone), measurement.isMeasured(sudo)
        {
            for (index, name) in [names.small, names.big].enumerated() {
                let daemon = index == 0 ? 0 : big
                claims.append(close(PairedRatio(series(daemon, sudo), to: series(daemon, alone), \.reaped), in: name))
            }
        }
        return claims
    }

    private static func close(_ ratio: PairedRatio?, in daemon: String) -> Claim {
        let question = "\(daemon): sudo backend to sudo -u, at most \(Decimal.text(surcharge, 2))"
        guard let ratio else { return Claim(text: "\(question): not measured", holds: false) }
        return Claim(text: "\(question): \(Decimal.text(ratio.median, 2))", holds: ratio.median <= surcharge)
    }

    private static func flat(_ ratio: PairedRatio?, _ names: (small: String, big: String)) -> Claim {
        let question = "isolated, \(names.big) to \(names.small), at most \(Decimal.text(flatness, 2))"
        guard let ratio else { return Claim(text: "\(question): not measured", holds: false) }
        return Claim(text: "\(question): \(Decimal.text(ratio.median, 2))", holds: ratio.median <= flatness)
    }

    private static func ahead(of peer: String, _ series: Series, _ isolated: Series, in daemon: String) -> Claim {
        let question = "\(daemon): \(peer) to isolated, above 1"
        guard let ratio = PairedRatio(series, to: isolated, \.reaped) else {
            let reason = series.isHung ? "it hung" : "not measured"
            return Claim(text: "\(question): \(reason)", holds: series.isHung && !isolated.rounds.isEmpty)
        }
        return Claim(text: "\(question): \(Decimal.text(ratio.median, 1))", holds: ratio.median > 1)
    }
}
