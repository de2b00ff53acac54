package executor

import (
	"cmp"
	"context"
	"slices"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// unheard is a message that the source does not hand over, and how it fails to.
type unheard struct {
	row state.Message
	why error
}

// suspects is how many messages in a row may be held to break the connection. A server that breaks at more of them, and
// hands over nothing in between, has another trouble.
const suspects = 3

// around asks for rows. Where the connection breaks as often as there is patience for, and nothing more comes, the first of
// the missing is asked for alone, since servers answer in order: if it breaks again, it is this message that does it
// (imapsync#469), and the others go on without it. What comes back did not come: silent, or breaking the connection.
func (fr *folderRun) around(ctx context.Context, rows []state.Message, ask asking) (silent []state.Message, breaking []unheard, err error) {
	missing, err := ask(ctx, rows)
	if fr.further {
		return missing, nil, err // the main connection takes this folder over
	}
	for n := 0; broke(ctx, err) && len(missing) > 0 && n < suspects; {
		slices.SortFunc(missing, func(a, b state.Message) int { return cmp.Compare(a.UID, b.UID) })
		first, others := missing[0], missing[1:]
		still, alone := ask(ctx, []state.Message{first})
		switch {
		case alone == nil:
			silent, n = append(silent, still...), 0
		case broke(ctx, alone):
			breaking, n = append(breaking, unheard{first, errBreaking(alone)}), n+1
		default:
			return nil, nil, alone
		}
		asked := len(others)
		missing, err = nil, nil
		if asked > 0 {
			missing, err = ask(ctx, others)
		}
		if len(missing) < asked {
			n = 0
		}
	}
	return append(silent, missing...), breaking, err
}

// broke tells whether a source ended the connection while it was asked for messages, and not because of how much it was
// asked for.
func broke(ctx context.Context, err error) bool {
	code := mail.CodeOf(err)
	return err != nil && ctx.Err() == nil && mail.KindOf(err) == mail.Transient && (code.Lost() || code == mail.CodeIMAPProtocol)
}

func errBreaking(cause error) error {
	return &mail.Error{Op: "fetch message", Kind: mail.Malformed, Code: mail.CodeMessageDamaged,
		Text: "the connection breaks each time the message is asked for: " + textOf(cause)}
}
