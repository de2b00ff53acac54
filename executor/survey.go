package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/hugepages"
	"mailhaul/state/mail"
)

// SurveyOptions say what Survey asks of whom.
type SurveyOptions struct {
	Endpoints Endpoints
	// Ledger remembers the listings; nil: nothing is listed or remembered.
	Ledger    Ledger
	Mailboxes []SurveyMailbox
	// List reads what is new in each folder into the ledger. Without it only folders and their counters are read.
	List bool
	// Flags counts copied messages whose flags changed at the source, as a full pass carries them over.
	Flags bool
	// Prove makes sure that the destination may be written to: signing in alone proves nothing.
	Prove bool
	// Again are the pauses after which mailboxes are asked once more whose permission is missing: one that was given a short
	// while ago does not count at once. The others are not asked again. Nil: nobody is.
	Again []time.Duration
	// SourceOnly and DestinationOnly leave the other side alone.
	SourceOnly, DestinationOnly bool
	// Parallel is how many mailboxes are asked at the same time; zero: one.
	Parallel int
	// Park takes over the sessions of mailboxes that could be asked, for a run that follows; nil: they are closed. It
	// counts only where all mailboxes are asked at the same time.
	Park *Parked
	// Limits are those of the endpoints; nil: nothing bounds them that no server says.
	Limits *Limits
	// Patience is short where it is zero: somebody waits for the plan, and nothing is lost by asking again later.
	Patience Patience
	// Unattended says that nobody waits: for mailboxes that were listed before, a server that is away is asked again for as
	// long as a run would, until that was in vain for one of them. One that was never reached is more likely mistyped.
	Unattended bool
	// Events takes Waiting events; nil: nobody listens.
	Events func(Event)
	Now    func() time.Time
}

// SurveyMailbox is one mailbox of a survey.
type SurveyMailbox struct {
	Row state.Mailbox // ID may be zero
	// Includes gives the source folders that are worth listing; nil: all.
	Includes func(source, destination []mail.Folder, rules mail.NameRules) []mail.Folder
}

// Survey asks both sides of each mailbox for what a plan is made from, and lists new messages into the ledger. A mailbox
// that can't be asked has a Problem in its inventory and the others go on. The error is one of the state or the context.
func Survey(ctx context.Context, o SurveyOptions) (map[string]plan.Inventory, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == (Patience{}) && !o.Unattended {
		o.Patience = hurried
	}
	o.Parallel = max(1, o.Parallel)
	o.makeRoom()
	if o.Limits == nil {
		o.Limits = newLimits(nil, nil, o.Now, o.Patience.filled().First)
	}
	var mu sync.Mutex
	gone := &vain{endpoints: map[string]bool{}}
	rows := sync.OnceFunc(hugepages.Heap)
	o.Limits.listen(o.tellLowered(&mu))
	o.Limits.listenSilence(func(w Waiting) {
		if o.Events == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		w.Stamp = Stamp{Time: o.Now()}
		o.Events(w)
	})
	defer o.Limits.listenSilence(nil)
	result := make(map[string]plan.Inventory, len(o.Mailboxes))
	whole := ctx // that of the group ends with it
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Parallel)
	for _, m := range o.Mailboxes {
		g.Go(func() error {
			s := &surveyor{SurveyOptions: o, mailbox: m, mu: &mu, vain: gone, rows: rows}
			inv, err := s.ask(ctx)
			mu.Lock()
			defer mu.Unlock()
			result[m.Row.Name] = inv
			return err
		})
	}
	err := g.Wait()
	if err == nil {
		err = o.askAgain(whole, result)
	}
	if o.Ledger != nil {
		err = errors.Join(err, o.Limits.keep(context.WithoutCancel(whole), o.Ledger))
	}
	return result, err
}

// makeRoom ends parked sessions that would hold what this survey's mailboxes wait for: those of other mailboxes, and all
// where some have to wait their turn.
func (o *SurveyOptions) makeRoom() {
	if o.Park == nil {
		return
	}
	if len(o.Mailboxes) > o.Parallel {
		o.Park.Close()
		o.Park = nil
		return
	}
	asked := map[string]bool{}
	for _, m := range o.Mailboxes {
		asked[m.Row.Name] = true
	}
	o.Park.Keep(asked)
}

// surveyor asks for one mailbox.
type surveyor struct {
	SurveyOptions
	mailbox SurveyMailbox
	mu      *sync.Mutex // one event at a time
	vain    *vain
	rows    func() // called before the first rows of the survey are made
	listed  bool   // an earlier survey has listed the mailbox
	src     retryingSource
	dst     retryingDestination
	inv     plan.Inventory
	also    error // the destination's, where the source failed too
}

func problem(err error) *plan.Problem {
	p := &plan.Problem{Code: mail.CodeOf(err), Kind: mail.KindOf(err).String(), Text: textOf(err)}
	var e *Error
	if errors.As(err, &e) {
		p.Side = e.Side
	}
	return p
}

func (s *surveyor) waiting(side string) func(error, time.Duration) {
	return func(err error, d time.Duration) {
		if s.Events == nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Events(Waiting{Stamp: Stamp{Time: s.Now()}, Mailbox: s.mailbox.Row.Name, Side: side, Code: mail.CodeOf(err),
			Kind: mail.KindOf(err), Text: textOf(err), Wait: d})
	}
}

// sides reads the folders of both at once.
func (s *surveyor) sides(ctx context.Context) error {
	var source, destination error
	var both sync.WaitGroup
	if !s.DestinationOnly {
		both.Go(func() {
			s.inv.Source, source = s.src.Folders(ctx)
			source = at(SideSource, "list folders", source)
		})
	}
	if !s.SourceOnly {
		destination = s.askDestination(ctx)
	}
	both.Wait()
	if source != nil {
		s.also = destination
		return source
	}
	return destination
}

func (s *surveyor) askDestination(ctx context.Context) (err error) {
	if s.inv.Destination, err = s.dst.Folders(ctx); err != nil {
		return at(SideDestination, "list folders", err)
	}
	if s.inv.Limits, err = s.dst.Limits(ctx); err != nil {
		return at(SideDestination, "read limits", err)
	}
	if s.Prove {
		return s.prove(ctx)
	}
	return nil
}

// prove opens the destination's INBOX for writing, as the first APPEND would.
func (s *surveyor) prove(ctx context.Context) error {
	for _, f := range s.inv.Destination {
		if f.Path.IsInbox() {
			_, err := s.dst.Open(ctx, f)
			return at(SideDestination, "open INBOX for writing", err)
		}
	}
	return nil
}

// list brings the ledger's memory of the source up to date.
func (s *surveyor) list(ctx context.Context) error {
	s.rows()
	row, err := s.place(ctx)
	if err != nil {
		return err
	}
	known, err := s.Ledger.Folders(ctx, row.ID)
	if err != nil {
		return err
	}
	s.inv.Estranged = estranged(known, s.inv.Destination)
	if err := s.vanished(ctx, known); err != nil {
		return err
	}
	folders := s.inv.Source
	if s.mailbox.Includes != nil {
		folders = s.mailbox.Includes(s.inv.Source, s.inv.Destination, s.inv.Limits.Names)
	}
	for _, f := range folders {
		if f.NoSelect {
			continue
		}
		rec, err := s.pair(ctx, row.ID, known, f)
		if err != nil {
			return err
		}
		if err := s.listFolder(ctx, rec, f); err != nil {
			if err := s.setAside(ctx, rec, f, err); err != nil {
				return inFolder(s.mailbox.Row.Name, f, err)
			}
		}
	}
	return nil
}

func inFolder(mailbox string, f mail.Folder, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Mailbox, e.Folder = mailbox, f.Path.String()
	}
	return err
}

// pair finds the ledger's folder pair or begins one. A changed UIDVALIDITY, or none that lasts, begins a new one and
// leaves the old behind: its rows are matched by content when the folder is copied.
func (s *surveyor) pair(ctx context.Context, id state.MailboxID, known []state.Folder, f mail.Folder) (*state.Folder, error) {
	for i := range known {
		k := &known[i]
		if k.Source != f.Raw || !k.Current {
			continue
		}
		same := k.SourceStatus.UIDValidity == f.Status.UIDValidity || fault.Off(fault.SourceValidity)
		if same && f.Status.UIDValidity != 0 && !begunAnew(k, f.Status) {
			return k, nil
		}
		k.Current = false
		if _, err := s.Ledger.PutFolder(ctx, *k); err != nil {
			return nil, err
		}
	}
	return &state.Folder{Mailbox: id, Source: f.Raw, Path: f.Path.String(), Current: true,
		SourceStatus: mail.Status{UIDValidity: f.Status.UIDValidity}}, nil
}

// begunAnew tells whether a folder gives UIDs away again under the UIDVALIDITY it had: UID 1 is then another message.
// UIDNEXT never falls otherwise (RFC 9051, 2.3.1.1).
func begunAnew(k *state.Folder, st mail.Status) bool {
	return st.UIDNext != 0 && k.SourceStatus.UIDNext != 0 && st.UIDNext < k.SourceStatus.UIDNext
}

// listFolder lists what no listing has covered yet. The counters were read before the listing and are committed after
// its last row, so a listing that is cut short counts as not done.
func (s *surveyor) listFolder(ctx context.Context, rec *state.Folder, f mail.Folder) error {
	st := f.Status
	fresh := rec.ID == 0
	if !fresh && rec.Complete && rec.SourceStatus.UIDNext == st.UIDNext && rec.SourceStatus.Messages == st.Messages && st.UIDNext != 0 {
		return s.countFlags(ctx, rec, f)
	}
	if fresh {
		put, err := s.Ledger.PutFolder(ctx, *rec)
		if err != nil {
			return err
		}
		*rec = put
	}
	last, err := s.seeNew(ctx, rec, f)
	if err != nil {
		return err
	}
	rec.Listed = max(rec.Listed, last+1, st.UIDNext)
	rec.SourceStatus, rec.Complete, rec.Path = st, true, f.Path.String()
	if fresh {
		rec.FlagsModSeq = st.HighestModSeq
	}
	put, err := s.Ledger.PutFolder(ctx, *rec)
	fault.At(fault.AfterListing)
	if err != nil || fresh {
		return err
	}
	return s.countFlags(ctx, &put, f)
}

// seeNew puts a row into the ledger for each message from rec.Listed on and gives the highest UID.
func (s *surveyor) seeNew(ctx context.Context, rec *state.Folder, f mail.Folder) (last mail.UID, err error) {
	if f.Status.UIDNext != 0 && f.Status.UIDNext <= rec.Listed || f.Status.Messages == 0 {
		return 0, nil
	}
	var rows []state.Message
	for m, err := range s.src.List(ctx, f, mail.Query{From: rec.Listed}) {
		if err != nil && fault.Off(fault.WholeListing) {
			break
		}
		if err != nil {
			return 0, at(SideSource, "list messages", err)
		}
		if m.UID < rec.Listed || m.UID == 0 {
			continue // n:* answers with the last message even if it is below n (RFC 9051, 6.4.8)
		}
		last = max(last, m.UID)
		if rows = append(rows, listed(rec.ID, m)); len(rows) >= 500 {
			if err := s.Ledger.See(ctx, rows); err != nil {
				return 0, err
			}
			rows = rows[:0]
		}
	}
	if len(rows) == 0 {
		return last, nil
	}
	err = s.Ledger.See(ctx, rows)
	fault.At(fault.AfterListingRows)
	return last, err
}

// listed makes the row of a message just listed. One marked \Deleted is skipped and counted.
func listed(id state.FolderID, m mail.Message) state.Message {
	row := state.Message{Folder: id, UID: m.UID, Size: m.Size, InternalDate: m.InternalDate, Flags: m.Flags}
	if m.Flags.System&mail.Deleted != 0 {
		row.State = state.StateSkipped
	}
	return row
}

// countFlags counts changed flags; where nothing that counts has changed, the mark moves on.
func (s *surveyor) countFlags(ctx context.Context, rec *state.Folder, f mail.Folder) error {
	modSeq := f.Status.HighestModSeq
	if !s.Flags || modSeq != 0 && modSeq == rec.FlagsModSeq || f.Status.Messages == 0 {
		return nil
	}
	changes, err := changedFlags(ctx, s.src, s.Ledger, rec, f)
	if err != nil {
		return fmt.Errorf("count changed flags: %w", err)
	}
	rec.SourceStatus.HighestModSeq = modSeq
	n := int64(len(changes.ready) + len(changes.unlearned))
	if n == 0 && changes.waiting == 0 {
		rec.FlagsModSeq = modSeq
	}
	s.inv.FlagChanges[f.Raw] = n
	_, err = s.Ledger.PutFolder(ctx, *rec)
	return err
}
