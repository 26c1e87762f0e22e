-- Removes the states of the sweep: the next build makes them anew, of those who are left.
DELETE FROM features.state
