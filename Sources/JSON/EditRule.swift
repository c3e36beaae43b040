// SPDX-License-Identifier: Apache-2.0

/// When a value that is edited must be there.
package enum JSONPresence: Hashable, Sendable {
    case optional
    /// An object without this member is refused, and with it `null` in its place.
    case required
    /// The caller's text is put in where the member is left out.
    case added
    /// It may be left out; but an array of such values may be neither empty nor `null`.
    case filled
}

/// What may stand at a declared place, and what becomes of it. A place may have a rule for scalars, and patterns that
/// go on from it for objects and for arrays, all at once: then any of them may stand there. `binding` is the caller's
/// own number for what it does.
package enum JSONRule: Hashable, Sendable {
    /// A string, number, `true`, `false` or `null`, left as it is.
    case scalar
    /// Any value, left as it is.
    case any
    /// Nothing but `null`.
    case refused
    /// A string or number that the caller looks at or replaces.
    case edit(binding: Int, JSONPresence)
    /// Not to be given: the caller's text is put in at the end of the object.
    case insert(binding: Int)
    /// A string that must be there; the caller looks at it, and the member is left out.
    case remove(binding: Int)
    /// Whatever it is, it is left out.
    case drop
    /// The caller's text goes around the value, or takes its place where it is `null` or, if `isAdded`, absent. Beside
    /// other rules.
    case wrap(binding: Int, isAdded: Bool)
    /// The caller's text becomes the first element of the array, which is made where it is absent or `null`. Beside
    /// other rules.
    case prepend(binding: Int)
    /// The array's first element must be there; the caller looks at it, and it is left out. Beside other rules.
    case behead(binding: Int)
    /// Elements of the array may be hidden by the caller. Beside other rules.
    case hide
    /// What another list of rules declares.
    case shape(Int)
}

/// Why a list of rules makes no table.
package enum JSONTableError: Error, Hashable, Sendable {
    /// Two rules for one place that cannot hold together.
    case conflict
    /// More than `JSONEditTable.maximumMembers` names in one object.
    case tooManyMembers
    /// More than `JSONEditTable.maximumDepth` steps.
    case tooDeep
    /// More than `JSONEditTable.maximumNodes` places.
    case tooLarge
}
