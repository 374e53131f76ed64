package page

import "strings"

// Input is one labelled input. Kind is the type of an <input>, or textarea, select, checkbox; Label and Hint are in the reader's
// language.
type Input struct {
	Name, Label, Kind, Value, Hint, Error string
	Autocomplete, Mode, Max, Mark         string // attributes; "" leaves one out
	Required, Optional, Focus             bool
	Choices                               []Choice
}

// Choice is one line of a select.
type Choice struct {
	Value, Label string
	Selected     bool
}

// Describes lists the ids that explain the input to a screen reader.
func (i Input) Describes() string {
	var out []string
	if i.Error != "" {
		out = append(out, "error-"+i.Name)
	}
	if i.Hint != "" {
		out = append(out, "hint-"+i.Name)
	}
	return strings.Join(out, " ")
}

// input makes an input of a sheet: label and hint are English and looked up. Options are pairs: kind, hint, hinted, complete, mode, max,
// mark; and words alone: required, optional, focus. What was typed is put back, except into a password.
func (s *sheet) input(name, label string, options []string) Input {
	in := Input{Name: name, Label: s.kit.text(s.language, label), Kind: "text", Error: s.Err(name), Value: s.Values[name]}
	s.labels[name] = in.Label
	for i := 0; i < len(options); i++ {
		switch options[i] {
		case "required":
			in.Required = true
			continue
		case "optional":
			in.Optional = true
			continue
		case "focus":
			in.Focus = len(s.Errors) == 0
			continue
		}
		word, v := options[i], ""
		if i++; i < len(options) {
			v = options[i]
		}
		switch word {
		case "kind":
			in.Kind = v
		case "hint":
			in.Hint = s.kit.text(s.language, v)
		case "hinted": // a hint that was looked up already
			in.Hint = v
		case "complete":
			in.Autocomplete = v
		case "mode":
			in.Mode = v
		case "max":
			in.Max = v
		case "mark":
			in.Mark = v
		}
	}
	return in.safe()
}

// declared completes an input that was made of a declared field.
func (s *sheet) declared(in Input) Input {
	s.labels[in.Name] = in.Label
	if typed, ok := s.Values[in.Name]; ok {
		in.Value = typed
	}
	in.Error, in.Required = s.Err(in.Name), !in.Optional && in.Kind != "checkbox" && in.Kind != "textarea"
	for i := range in.Choices {
		in.Choices[i].Selected = in.Choices[i].Value == in.Value
	}
	return in.safe()
}

// safe takes the value out of an input that must not show it.
func (i Input) safe() Input {
	if i.Kind == "password" {
		i.Value = ""
	}
	return i
}
