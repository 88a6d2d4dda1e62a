import CFuzzer
import Glibc

// fuzz TARGET [ARGUMENT OF LIBFUZZER...]; fuzz --list; fuzz TARGET --write-seeds DIRECTORY
let words = CommandLine.arguments
if words.dropFirst().first == "--list" {
    for target in FuzzTarget.allCases { print(target.rawValue) }
    exit(0)
}
guard words.count > 1, let target = FuzzTarget(rawValue: words[1]) else {
    print("usage: fuzz TARGET [ARGUMENT OF LIBFUZZER...]; the targets are those of fuzz --list")
    exit(64)
}
if words.count == 4, words[2] == "--write-seeds" {
    try writeSeeds(of: target, to: words[3])
    exit(0)
}

Chosen.target = target
var count = CommandLine.argc - 1
// libFuzzer takes its own name from the first argument.
unsafe CommandLine.unsafeArgv[1] = CommandLine.unsafeArgv[0]
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 1
let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { data, size in
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    if let complaint = Chosen.target.complaint(about: bytes) {
        print("\(Chosen.target.rawValue): \(complaint)")
        // An abort leaves in the buffer what goes to a file.
        unsafe fflush(nil)
        abort()
    }
    return 0
}
exit(status)
