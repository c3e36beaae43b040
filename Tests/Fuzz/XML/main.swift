// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import XML

/// A document that is accepted is whole, and stays one with the same elements when texts are changed in it.
func check(_ input: Span<UInt8>) {
    do {
        let document = try XMLDocument(input)
        var editor = XMLEditor()
        for element in document.elements {
            precondition(element.whole.end <= input.count && element.content.end <= input.count)
            precondition(input[element.whole.start] == UInt8(ascii: "<"), "no tag")
            if !element.hasChildren, !editor.setText(Array("<&>".utf8).span, of: element, in: input) {
                preconditionFailure("a text that XML can hold was refused")
            }
        }
        var output = Buffer()
        editor.apply(to: input, into: &output)
        let edited = try XMLDocument(output.bytes)
        precondition(edited.elements.count == document.elements.count, "an edit changed the shape")
        for (old, new) in zip(document.elements, edited.elements) {
            precondition(old.parent == new.parent && old.hasChildren == new.hasChildren)
            precondition(old.hasChildren || new.text == Array("<&>".utf8), "an edit is not what is read")
        }
    } catch {
        return
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
