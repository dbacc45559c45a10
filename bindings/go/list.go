// SPDX-License-Identifier: MIT

package await

// links are the fields of an item by which it is in a list; embed them.
type links[T any] struct {
	next, previous *T
}

func (l *links[T]) linked() *links[T] { return l }

// list is a doubly linked list whose links are in the items.
type list[T any, P interface {
	*T
	linked() *links[T]
}] struct {
	first, last *T
}

// add appends an item.
func (l *list[T, P]) add(item *T) {
	*P(item).linked() = links[T]{previous: l.last}
	if l.last != nil {
		P(l.last).linked().next = item
	} else {
		l.first = item
	}
	l.last = item
}

func (l *list[T, P]) remove(item *T) {
	at := P(item).linked()
	if at.next != nil {
		P(at.next).linked().previous = at.previous
	} else {
		l.last = at.previous
	}
	if at.previous != nil {
		P(at.previous).linked().next = at.next
	} else {
		l.first = at.next
	}
	*at = links[T]{}
}
