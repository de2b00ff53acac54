package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// An undo takes back what mailhaul wrote and nobody has touched since. It has two steps, as a pass has: SurveyUndo looks
// and says what could be taken back, Undo does it. What is taken back must be proven: a row that landed by our own APPEND,
// under a UID that still holds, with the octets and the flags that were sent, of a message that the source still has.
// Before a server is told, the rows say so (state.StateUndoing); a UID names one message for ever, so asking again after a
// lost answer does no harm, and what a crash leaves in the middle is found out by looking (undone.go).

// Kept is why a copy is not taken back.
type Kept string

// The reasons.
const (
	KeptTouched    Kept = "touched"    // its flags changed since: somebody read, answered, flagged or deleted it
	KeptGone       Kept = "gone"       // it is not where it was put: somebody moved or deleted it
	KeptAdopted    Kept = "adopted"    // it was there before, somebody else put it there
	KeptSource     Kept = "source"     // the source has it no more: the copy may be the last one
	KeptAltered    Kept = "altered"    // its octets are not those that were sent
	KeptDoubt      Kept = "doubt"      // it is not settled whether it arrived
	KeptUnplaced   Kept = "unplaced"   // which message it is can't be told: its UID is not known, or the folder was made anew
	KeptUnremoved  Kept = "unremoved"  // the server did not remove it
	KeptUnfinished Kept = "unfinished" // not reached: the undo was stopped
)

// Reasons lists every reason, in the order in which people are told.
func Reasons() []Kept {
	return []Kept{KeptTouched, KeptGone, KeptAdopted, KeptSource, KeptAltered, KeptDoubt, KeptUnplaced, KeptUnremoved, KeptUnfinished}
}

// UndoMailbox is what an undo would do in one mailbox or, after Undo, what it did.
type UndoMailbox struct {
	Mailbox state.Mailbox
	Remove  state.Count          // messages to remove, or removed
	Kept    map[Kept]state.Count // copies that stay, by reason
	Folders int                  // folders of ours to remove, or removed
	// Open counts the copies that an earlier undo began to take back: Undo finds out what became of them.
	Open    int64
	Problem *plan.Problem // why the mailbox could not be worked on, or not to the end

	chosen map[state.FolderID][]mail.UID // the source UIDs of what is to be removed
	work   bool                          // the survey found work
}

// Work tells whether Undo has anything to do in the mailbox.
func (m *UndoMailbox) Work() bool {
	return m.Problem == nil && (m.Remove.Messages > 0 || m.Folders > 0 || m.Open > 0)
}

// UndoOptions are what SurveyUndo and Undo need.
type UndoOptions struct {
	Endpoints UndoEndpoints
	Ledger    Ledger
	// Reopen names the passes that an undo leaves unfinished: those whose messages later runs are to bring again.
	Reopen   []string
	Run      state.Run       // of the undo; SurveyUndo needs none
	Parallel int             // mailboxes at the same time; zero: one
	Stop     <-chan struct{} // the first interrupt: what is in hand is finished
	// Limits are those of the endpoints; nil: nothing bounds them that no server says.
	Limits   *Limits
	Patience Patience
	// Events takes each Waiting for a server and each ConnectionsLowered, one at a time; nil: nobody listens.
	Events func(Event)
}

// SurveyUndo looks at both sides of the mailboxes and says what could be taken back. Nothing is changed anywhere.
func SurveyUndo(ctx context.Context, mailboxes []state.Mailbox, o UndoOptions) ([]UndoMailbox, error) {
	all := make([]UndoMailbox, len(mailboxes))
	for i, m := range mailboxes {
		all[i] = UndoMailbox{Mailbox: m, Kept: map[Kept]state.Count{}, chosen: map[state.FolderID][]mail.UID{}}
	}
	return all, o.each(ctx, all, (*undoRun).survey)
}

// Undo takes back what a survey has found, and gives what it came to. What was touched since the survey stays. The error is
// one of the state file or the context; the ledger is right all the same.
func Undo(ctx context.Context, surveyed []UndoMailbox, o UndoOptions) ([]UndoMailbox, error) {
	all := make([]UndoMailbox, len(surveyed))
	for i, s := range surveyed {
		all[i] = s
		if all[i].work = s.Work(); all[i].work {
			all[i].Remove, all[i].Folders = state.Count{}, 0
			all[i].Kept = map[Kept]state.Count{}
			for why, n := range s.Kept {
				all[i].Kept[why] = n
			}
		}
	}
	return all, o.each(ctx, all, (*undoRun).carryOut)
}

// each works on the mailboxes, Parallel at a time. What stops one of them is its Problem.
func (o UndoOptions) each(ctx context.Context, all []UndoMailbox, work func(*undoRun, context.Context) error) error {
	if tell := o.Events; tell != nil {
		var one sync.Mutex
		o.Events = func(e Event) {
			one.Lock()
			defer one.Unlock()
			tell(e)
		}
	}
	if o.Limits == nil {
		o.Limits = newLimits(o.Ledger, nil, time.Now, o.Patience.filled().First)
	}
	o.Limits.listen(o.tellLowered)
	o.Limits.listenSilence(o.tellSilence)
	defer o.Limits.listenSilence(nil)
	whole := ctx // that of the group ends with it
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Parallel))
	for i := range all {
		g.Go(func() error {
			u := newUndoRun(o, &all[i])
			defer u.close()
			err := u.inTurn(ctx, work)
			if fatal(ctx, err) {
				return err
			}
			u.stopped(err)
			return nil
		})
	}
	return errors.Join(g.Wait(), o.Limits.keep(context.WithoutCancel(whole), o.Ledger))
}

// undoRun is one mailbox in a survey or an undo.
type undoRun struct {
	UndoOptions
	out   *UndoMailbox
	src   retryingSource
	dst   retryingEraser
	guest *guest // at both endpoints
	begun bool   // both sides have been reached

	pairs []state.Folder
	// sources and targets are the folders of both sides, by their octets.
	sources, targets map[string]mail.Folder
	keepsBytes       bool
}

func newUndoRun(o UndoOptions, out *UndoMailbox) *undoRun {
	name := out.Mailbox.Name
	u := &undoRun{UndoOptions: o, out: out}
	u.src = retryingSource{reader[Source]{newSession(o.Patience, o.Stop,
		func(ctx context.Context) (Source, error) {
			s, err := o.Endpoints.Source(ctx, name)
			return s, u.judge(u.out.Mailbox.SourceEndpoint, err)
		}, o.waiting(name, SideSource))}}
	u.dst = retryingEraser{reader[Eraser]{newSession(o.Patience, o.Stop,
		func(ctx context.Context) (Eraser, error) {
			e, err := o.Endpoints.Eraser(ctx, name)
			return e, u.judge(u.out.Mailbox.DestinationEndpoint, err)
		}, o.waiting(name, SideDestination))}}
	return u
}

// waiting tells that the mailbox waits until a side is asked again: an undo that stands still must not be silent.
func (o UndoOptions) waiting(mailbox, side string) func(error, time.Duration) {
	return func(err error, d time.Duration) {
		if o.Events != nil {
			o.Events(Waiting{Stamp: Stamp{Time: time.Now(), Run: o.Run.ID}, Mailbox: mailbox, Side: side, Code: mail.CodeOf(err),
				Kind: mail.KindOf(err), Text: textOf(err), Wait: d})
		}
	}
}

func (u *undoRun) close() {
	_ = u.src.Close() // it was only read
	_ = u.dst.Close() // every answer that counts was waited for
}

// stopped notes why the mailbox could not be worked on to the end.
func (u *undoRun) stopped(err error) {
	if err == nil || errors.Is(err, errStopped) {
		return
	}
	var e *Error
	side := ""
	if errors.As(err, &e) {
		side = e.Side
	}
	u.out.Problem = &plan.Problem{Side: side, Code: mail.CodeOf(err), Kind: mail.KindOf(err).String(), Text: textOf(err)}
}

func (u *undoRun) stopping() bool {
	select {
	case <-u.Stop:
		return true
	default:
		return false
	}
}

func (u *undoRun) keep(why Kept, row *state.Message) {
	u.out.Kept[why] = u.out.Kept[why].Add(state.Count{Messages: 1, Bytes: row.Size})
}

// list reads the pairs, and the folders of both sides.
func (u *undoRun) list(ctx context.Context) error {
	var err error
	if u.pairs, err = u.Ledger.Folders(ctx, u.out.Mailbox.ID); err != nil {
		return err
	}
	if u.targets, err = byRaw(u.dst.Folders(ctx)); err != nil {
		return at(SideDestination, "list folders", err)
	}
	if u.sources, err = byRaw(u.src.Folders(ctx)); err != nil {
		return at(SideSource, "list folders", err)
	}
	limits, err := u.dst.Limits(ctx)
	u.keepsBytes, u.begun = limits.KeepsBytes, err == nil
	return at(SideDestination, "read limits", err)
}

func byRaw(list []mail.Folder, err error) (map[string]mail.Folder, error) {
	folders := make(map[string]mail.Folder, len(list))
	for _, f := range list {
		folders[f.Raw] = f
	}
	return folders, err
}

// retryingEraser is an Eraser that survives lost connections: all it does may be done twice.
type retryingEraser struct{ reader[Eraser] }

func (r retryingEraser) Limits(ctx context.Context) (l mail.Limits, err error) {
	err = r.do(ctx, func(e Eraser) error { l, err = e.Limits(ctx); return err })
	return l, err
}

func (r retryingEraser) Open(ctx context.Context, f mail.Folder) (o mail.Opened, err error) {
	err = r.do(ctx, func(e Eraser) error { o, err = e.Open(ctx, f); return err })
	return o, err
}

func (r retryingEraser) SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error {
	return r.do(ctx, func(e Eraser) error { return e.SetFlags(ctx, f, changes) })
}

func (r retryingEraser) Erase(ctx context.Context, f mail.Folder, uids []mail.UID) error {
	return r.do(ctx, func(e Eraser) error { return e.Erase(ctx, f, uids) })
}

func (r retryingEraser) RemoveFolder(ctx context.Context, f mail.Folder) (removed bool, err error) {
	err = r.do(ctx, func(e Eraser) error { removed, err = e.RemoveFolder(ctx, f); return err })
	return removed, err
}
