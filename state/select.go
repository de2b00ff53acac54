package state

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conditions gathers what a query's rows must be, with the values for its question marks.
type conditions struct {
	texts []string
	args  []any
	// index names the partial index that serves the query; SQLite without statistics prefers the table.
	index string
}

func (c *conditions) add(text string, args ...any) {
	c.texts = append(c.texts, text)
	c.args = append(c.args, args...)
}

func (c *conditions) with(text string, args ...any) conditions {
	d := conditions{slices.Clone(c.texts), slices.Clone(c.args), c.index}
	d.add(text, args...)
	return d
}

// from gives the query from FROM on.
func (c *conditions) from() string {
	text := " FROM message "
	if c.index != "" {
		text += "INDEXED BY " + c.index
	}
	return text + " WHERE " + strings.Join(c.texts, " AND ")
}

// Select gives rows of one folder, at most q.Limit of them, in the order that q asks for; rows without a date are the
// last with NewestFirst. Its bounds hold for rows of every state.
func (r *Reader) Select(ctx context.Context, q Query) ([]Message, error) {
	if q.Limit <= 0 || len(q.States) == 0 {
		return nil, nil
	}
	c := q.conditions()
	if q.NewestFirst {
		return r.selectNewest(ctx, q, c)
	}
	if q.After != nil {
		c.add("uid > ?", int64(q.After.UID))
	}
	return r.selectRows(ctx, c, " ORDER BY uid", q.Limit)
}

// selectNewest takes the rows with a date, then those without: two walks along an index instead of a sort.
func (r *Reader) selectNewest(ctx context.Context, q Query, c conditions) ([]Message, error) {
	var all []Message
	if q.After == nil || !q.After.InternalDate.IsZero() {
		dated := c.with("date IS NOT NULL")
		if q.After != nil {
			date := q.After.InternalDate.Unix()
			dated.add("date <= ? AND (date < ? OR uid < ?)", date, date, int64(q.After.UID))
		}
		var err error
		if all, err = r.selectRows(ctx, dated, " ORDER BY date DESC, uid DESC", q.Limit); err != nil {
			return nil, err
		}
	}
	if len(all) == q.Limit || !q.Older.IsZero() || !q.Newer.IsZero() {
		return all, nil
	}
	undated := c.with("date IS NULL")
	if q.After != nil && q.After.InternalDate.IsZero() {
		undated.add("uid < ?", int64(q.After.UID))
	}
	rest, err := r.selectRows(ctx, undated, " ORDER BY date DESC, uid DESC", q.Limit-len(all))
	return append(all, rest...), err
}

func (r *Reader) selectRows(ctx context.Context, c conditions, order string, limit int) ([]Message, error) {
	rows, err := r.rows(ctx, "SELECT "+messageColumns+", sum"+c.from()+order+" LIMIT ?", append(c.args, limit)...)
	all, err := collect(rows, err, scanMessage())
	return all, wrap(r.path, err)
}

func (q Query) conditions() conditions {
	var c conditions
	c.add("folder = ?", int64(q.Folder))
	names := make([]string, len(q.States))
	for i, s := range q.States {
		names[i] = strconv.Itoa(int(s))
	}
	c.add("state IN (" + strings.Join(names, ",") + ")")
	if q.NoDestinationUID {
		c.add("duid IS NULL")
	}
	// What follows narrows nothing: it lets SQLite see that a partial index holds all the rows.
	if !slices.ContainsFunc(q.States, func(s State) bool { return s >= 10 && s <= 13 }) {
		c.add(unfinished)
		c.index = "message_todo"
		if q.NewestFirst {
			c.index = "message_date"
		}
	}
	if q.NoDestinationUID && !slices.ContainsFunc(q.States, func(s State) bool { return !s.Copied() }) {
		c.add(copied)
		c.index = "message_unplaced"
	}
	if !q.Older.IsZero() {
		c.add("date < ?", ceilSeconds(q.Older))
	}
	if !q.Newer.IsZero() {
		c.add("date >= ?", ceilSeconds(q.Newer))
	}
	if q.MaxSize > 0 {
		c.add("size <= ?", int64(q.MaxSize))
	}
	if q.Below > 0 {
		c.add("uid < ?", int64(q.Below))
	}
	return c
}

// ceilSeconds rounds up to whole seconds: dates are whole seconds, so comparing with this is comparing with the bound.
func ceilSeconds(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
