/// The messages of the protocol, as a header names them; those of the helper have the highest bit.
enum FrameType: UInt16, CaseIterable, Sendable {
    case hello = 0x0001
    case launch = 0x0002
    case largeLaunch = 0x0003
    case withdraw = 0x0004
    case signal = 0x0005
    case terminate = 0x0006
    case adopt = 0x0007
    case welcome = 0x8001
    case started = 0x8002
    case failed = 0x8003
    case exited = 0x8004
    case refused = 0x8005
}
